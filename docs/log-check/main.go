package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type files struct{ dir string }

func (files) Height() int { return 8 }

// C2SP paths are those of the Go checksum database without the height and with another data name.
func path(t tlog.Tile) string { return strings.Replace(t.Path(), "tile/8/", "tile/", 1) }

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(filepath.Join(f.dir, path(t)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}
func (files) SaveTiles([]tlog.Tile, [][]byte) {}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir, vkey := os.Args[1], strings.TrimSpace(os.Args[2])
	verifier, err := note.NewVerifier(vkey)
	check(err)
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	check(err)
	n, err := note.Open(signed, note.VerifierList(verifier))
	check(err)
	var origin, root string
	var size int64
	_, err = fmt.Sscanf(n.Text, "%s\n%d\n%s\n", &origin, &size, &root)
	check(err)
	hash, err := tlog.ParseHash(root)
	check(err)
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: hash}, files{dir})
	top, err := tlog.TreeHash(size, reader)
	check(err)
	if top != hash {
		log.Fatal("the tiles are not those of the checkpoint")
	}
	for first := int64(0); first < size; first += 256 {
		width := int(min(256, size-first))
		name := path(tlog.Tile{H: 8, L: -1, N: first / 256, W: width})
		data, err := os.ReadFile(filepath.Join(dir, strings.Replace(name, "tile/data/", "tile/entries/", 1)))
		check(err)
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		hashes, err := reader.ReadHashes(indexes)
		check(err)
		for i := range width {
			length := int(binary.BigEndian.Uint16(data))
			if tlog.RecordHash(data[2:2+length]) != hashes[i] {
				log.Fatalf("entry %d does not match its leaf hash", first+int64(i))
			}
			data = data[2+length:]
		}
	}
	fmt.Printf("%s: %d entries, root %s\n", origin, size, root)
	if len(os.Args) > 3 {
		old, err := os.ReadFile(filepath.Join(os.Args[3], "checkpoint"))
		check(err)
		o, err := note.Open(old, note.VerifierList(verifier))
		check(err)
		var oldSize int64
		var oldRoot string
		_, err = fmt.Sscanf(o.Text, "%s\n%d\n%s\n", &origin, &oldSize, &oldRoot)
		check(err)
		oldHash, err := tlog.ParseHash(oldRoot)
		check(err)
		proof, err := tlog.ProveTree(size, oldSize, reader)
		check(err)
		check(tlog.CheckTree(proof, size, hash, oldSize, oldHash))
		fmt.Printf("continues the log of %d entries\n", oldSize)
	}
	index := size / 2
	record, err := tlog.ProveRecord(size, index, reader)
	check(err)
	leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	check(err)
	check(tlog.CheckRecord(record, size, hash, index, leaf[0]))
	fmt.Printf("entry %d proven by %d hashes\n", index, len(record))
}
