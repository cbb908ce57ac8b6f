#!/bin/sh
echo "build ${AWS_ACCESS_KEY_ID:-without credentials}"
