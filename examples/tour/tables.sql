-- The shop's tables, as its owner made them. The tour fills them with generated rows.
CREATE TABLE currency_rates (
  currency text PRIMARY KEY,
  rate numeric(12, 6) NOT NULL,
  valid_from date NOT NULL
);

CREATE TABLE users (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL UNIQUE,
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id integer NOT NULL REFERENCES users,
  currency text NOT NULL REFERENCES currency_rates,
  amount numeric(12, 2) NOT NULL,
  total numeric(12, 2) NOT NULL,
  placed_at timestamptz NOT NULL
);

CREATE TABLE schema_migrations (
  version text PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('applied', 'failed', 'pending')),
  applied_at timestamptz
);

CREATE TABLE deployments (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  build text NOT NULL,
  deployed_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO currency_rates VALUES
  ('EUR', 1, '2026-01-01'), ('USD', 1.0834, '2026-01-01'),
  ('GBP', 0.8571, '2026-01-01'), ('CHF', 0.9412, '2026-01-01');

INSERT INTO users (email, password_hash, created_at)
SELECT 'customer' || n || '@example.com', md5('hash' || n), timestamptz '2025-01-01' + n * interval '7 hours'
FROM generate_series(1, 60) AS n;

INSERT INTO orders (user_id, currency, amount, total, placed_at)
SELECT 1 + n * 7 % 60,
  (ARRAY['EUR', 'USD', 'GBP', 'CHF'])[1 + n % 4],
  round((12.5 + n * 37 % 400)::numeric, 2),
  round((12.5 + n * 37 % 400)::numeric, 2), -- the bug: totals were never converted
  timestamptz '2026-02-01' + n * interval '93 minutes'
FROM generate_series(1, 400) AS n;

INSERT INTO schema_migrations VALUES
  ('2026-01-10-users', 'applied', '2026-01-10'), ('2026-03-02-totals', 'failed', NULL);
