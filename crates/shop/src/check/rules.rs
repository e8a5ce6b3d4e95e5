//! What must be true of the books: a table, for reading.
//!
//! Some of it the database refuses to break in the first place (`CHECK`, `UNIQUE`, `REFERENCES`). It is asked all the same: constraints are
//! dropped by mistake, and after a restored backup this is how one knows.

/// A promise of the shop.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its name, for programs.
    pub(super) name: &'static str,
    /// What it says.
    pub(super) says: &'static str,
    /// The table whose rows it is held against.
    pub(super) of: &'static str,
    /// A query for what breaks it: one column of text, a row for each offender, in a fixed order.
    pub(super) broken_by: &'static str,
}

/// All promises.
pub(super) const RULES: [Rule; 12] = [
    Rule {
        name: "stock",
        says: "available + sold = received, for each product",
        of: "products",
        broken_by: "
            SELECT format('product %s: %s available + %s sold, %s received', coalesce(p.id, s.product_id),
                          coalesce(s.available::text, 'nothing'), coalesce(l.sold, 0), coalesce(s.received::text, 'nothing'))
            FROM products p FULL JOIN stock s ON s.product_id = p.id
            LEFT JOIN (SELECT product_id, sum(quantity) AS sold FROM order_lines GROUP BY product_id) l
                ON l.product_id = coalesce(p.id, s.product_id)
            WHERE p.id IS NULL OR s.product_id IS NULL OR s.available + coalesce(l.sold, 0) IS DISTINCT FROM s.received
            ORDER BY coalesce(p.id, s.product_id)",
    },
    Rule {
        name: "never-below-zero",
        says: "there is never less than nothing of a product",
        of: "stock",
        broken_by: "SELECT format('product %s: %s', product_id, available) FROM stock WHERE available < 0 ORDER BY product_id",
    },
    Rule {
        name: "lines",
        says: "each order has lines, and each line its order and product",
        of: "orders",
        broken_by: "
            SELECT format('order %s (%s): no lines', o.number, o.id) FROM orders o
                WHERE NOT EXISTS (SELECT FROM order_lines l WHERE l.order_id = o.id)
            UNION ALL
            SELECT format('line %s of order %s: no such order', l.place, l.order_id) FROM order_lines l
                WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = l.order_id)
            UNION ALL
            SELECT format('line %s of order %s: no product %s', l.place, l.order_id, l.product_id) FROM order_lines l
                WHERE NOT EXISTS (SELECT FROM products p WHERE p.id = l.product_id)
            ORDER BY 1",
    },
    Rule {
        name: "totals",
        says: "an order's total is the sum of its lines",
        of: "orders",
        broken_by: "
            SELECT format('order %s (%s): total %s, lines %s', o.number, o.id, o.total, l.sum)
            FROM orders o JOIN (SELECT order_id, sum(quantity * price) AS sum FROM order_lines GROUP BY order_id) l
                ON l.order_id = o.id
            WHERE o.total IS DISTINCT FROM l.sum ORDER BY o.id",
    },
    Rule {
        name: "payments",
        says: "each order is paid once, with its total, and nothing is paid without an order",
        of: "orders",
        broken_by: "
            SELECT format('order %s: total %s, %s payments of %s', coalesce(o.number, p.order_id::text), coalesce(o.total, 0),
                          coalesce(p.count, 0), coalesce(p.sum, 0))
            FROM orders o FULL JOIN
                (SELECT order_id, count(*), sum(amount) FROM payments GROUP BY order_id) p ON p.order_id = o.id
            WHERE o.id IS NULL OR p.count IS DISTINCT FROM 1 OR p.sum IS DISTINCT FROM o.total
            ORDER BY coalesce(o.id, p.order_id)",
    },
    Rule {
        name: "events",
        says: "each order has one event order.created, and each event its order",
        of: "orders",
        broken_by: "
            SELECT format('order %s: %s events', coalesce(o.number, e.order_id::text), coalesce(e.count, 0))
            FROM orders o FULL JOIN
                (SELECT order_id, count(*) FROM outbox WHERE kind = 'order.created' GROUP BY order_id) e
                ON e.order_id = o.id
            WHERE o.id IS NULL OR e.count IS DISTINCT FROM 1
            ORDER BY coalesce(o.id, e.order_id)",
    },
    Rule {
        name: "once",
        says: "no customer's idempotency key has two orders",
        of: "orders",
        broken_by: "
            SELECT format('customer %s, key %s: %s orders', customer_id, idempotency_key, count(*))
            FROM orders GROUP BY customer_id, idempotency_key HAVING count(*) > 1
            ORDER BY customer_id, idempotency_key",
    },
    Rule {
        name: "numbers",
        says: "no two orders have one number",
        of: "orders",
        broken_by: "
            SELECT format('%s: %s orders', number, count(*)) FROM orders GROUP BY number HAVING count(*) > 1 ORDER BY number",
    },
    Rule {
        name: "customers",
        says: "each order has its customer",
        of: "orders",
        broken_by: "
            SELECT format('order %s (%s): no customer %s', o.number, o.id, o.customer_id) FROM orders o
            WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = o.customer_id) ORDER BY o.id",
    },
    Rule {
        name: "status",
        says: "an order is beyond `paid` exactly if its event is done",
        of: "orders",
        broken_by: "
            SELECT format('order %s (%s): %s, its event is %s', o.number, o.id, o.status,
                          CASE WHEN e.done IS NULL THEN 'open' ELSE 'done' END)
            FROM orders o JOIN outbox e ON e.order_id = o.id AND e.kind = 'order.created'
            WHERE (o.status = 'paid') <> (e.done IS NULL) ORDER BY o.id",
    },
    Rule {
        name: "sales",
        says: "best sellers = sum of the lines of orders whose events are done",
        of: "product_sales",
        broken_by: "
            SELECT format('product %s: %s sold in %s orders are counted, %s in %s are right', coalesce(s.product_id, l.product_id),
                          coalesce(s.sold, 0), coalesce(s.orders, 0), coalesce(l.sold, 0), coalesce(l.orders, 0))
            FROM product_sales s FULL JOIN (
                SELECT product_id, sum(quantity) AS sold, count(DISTINCT order_id) AS orders FROM order_lines
                WHERE EXISTS (SELECT FROM outbox e WHERE e.order_id = order_lines.order_id
                              AND e.kind = 'order.created' AND e.done IS NOT NULL)
                GROUP BY product_id) l ON l.product_id = s.product_id
            LEFT JOIN products p ON p.id = s.product_id
            WHERE (coalesce(s.sold, 0), coalesce(s.orders, 0)) <> (coalesce(l.sold, 0), coalesce(l.orders, 0))
                OR s.category_id <> p.category_id
            ORDER BY coalesce(s.product_id, l.product_id)",
    },
    Rule {
        name: "counts",
        says: "orders and turnover of a day = those of orders whose events are done",
        of: "order_counts",
        broken_by: "
            SELECT format('%s: %s orders of %s are counted, %s of %s are right', coalesce(c.day, o.day),
                          coalesce(c.orders, 0), coalesce(c.total, 0), coalesce(o.orders, 0), coalesce(o.total, 0))
            FROM order_counts c FULL JOIN (
                SELECT (placed AT TIME ZONE 'UTC')::date AS day, count(*) AS orders, sum(total) AS total FROM orders
                WHERE EXISTS (SELECT FROM outbox e WHERE e.order_id = orders.id
                              AND e.kind = 'order.created' AND e.done IS NOT NULL)
                GROUP BY 1) o ON o.day = c.day
            WHERE (coalesce(c.orders, 0), coalesce(c.total, 0)) <> (coalesce(o.orders, 0), coalesce(o.total, 0))
            ORDER BY coalesce(c.day, o.day)",
    },
];
