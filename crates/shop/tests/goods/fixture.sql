-- A small shop: 6 departments, 300 products, 200 past orders, with titles that are hard to search.
INSERT INTO categories
SELECT i, (ARRAY['chairs', 'garden', 'kitchen', 'lamps', 'office-goods', 'textiles'])[i],
          (ARRAY['Chairs', 'Garden', 'Kitchen', 'Lamps', 'Office goods', 'Textiles'])[i]
FROM generate_series(1, 6) i;

INSERT INTO products
SELECT i, 1 + i % 6,
       (ARRAY['Oak', 'Hand-made', 'Baker''s', 'STEEL', 'Wool', 'Linen/cotton', '12-piece'])[1 + i % 7] || ' ' ||
       (ARRAY['chair', 'Teapots', 'steamer', 'knife', 'lamp', 'Glass vase', 'notebook A5', 'pan', 'panel'])[1 + i % 9] ||
       CASE WHEN i % 4 = 0 THEN ' No. ' || i % 11 ELSE '' END,
       (ARRAY['Fieldhouse', 'Oakley & Sons', 'Møller', 'Tea Works'])[1 + i % 4],
       'What it is.' || E'\n\n' || 'How it is made.', '[["Material", "oak"], ["Weight", "2 kg"]]',
       100 + (i * 37) % 9000, CASE WHEN i % 5 = 0 THEN 100 + (i * 41) % 9000 END,
       timestamptz '2026-01-01 UTC' + make_interval(hours => (i * 7) % 100)
FROM generate_series(1, 300) i;

INSERT INTO related_products
SELECT i, place, 1 + (i * 3 + place * 17) % 300 FROM generate_series(1, 300) i, generate_series(1, 5) place;

INSERT INTO customers (mail, name, password_hash)
SELECT 'past-' || i || '@example.com', 'Past ' || i, 'none' FROM generate_series(1, 20) i;

INSERT INTO orders (number, customer_id, idempotency_key, content_hash, placed, status, total, name, street, postcode, city, country)
SELECT 'PAST-' || i, 1 + i % 20, 'past ' || i, '\x00', timestamptz '2026-02-01 UTC' + make_interval(hours => i), 'shipped', 1,
       'Past', '1 Road', '1', 'Town', 'Country'
FROM generate_series(1, 200) i;

INSERT INTO order_lines
SELECT o.id, place, p.id, 1 + (o.id + place) % 4, p.price
FROM orders o, generate_series(1, 3) place, products p
WHERE p.id = 1 + (o.id * o.id * 7 + place * 11) % 250;

UPDATE orders o SET total = (SELECT sum(quantity * price) FROM order_lines WHERE order_id = o.id);
INSERT INTO payments (order_id, amount, method) SELECT id, total, 'account' FROM orders;
INSERT INTO outbox (kind, order_id, done) SELECT 'order.created', id, now() FROM orders;

INSERT INTO stock
SELECT p.id, CASE WHEN p.id % 10 = 0 THEN p.id % 3 * 4 ELSE 1000 END, 0 FROM products p;
UPDATE stock s SET received = s.available + coalesce((SELECT sum(quantity) FROM order_lines WHERE product_id = s.product_id), 0);

INSERT INTO product_sales
SELECT l.product_id, p.category_id, sum(l.quantity), count(DISTINCT l.order_id)
FROM order_lines l JOIN products p ON p.id = l.product_id GROUP BY 1, 2;
INSERT INTO order_counts
SELECT (placed AT TIME ZONE 'UTC')::date, count(*), sum(total) FROM orders GROUP BY 1;

INSERT INTO seeded (seed, products, orders, customers) VALUES (1, 300, 200, 20);
