-- Totals of orders placed before the currency fix were never converted. Rows that are right already
-- stay as they are, so that a second run changes nothing.
UPDATE orders AS o
SET total = round(o.amount / r.rate, 2)
FROM currency_rates AS r
WHERE r.currency = o.currency
  AND o.total <> round(o.amount / r.rate, 2);
