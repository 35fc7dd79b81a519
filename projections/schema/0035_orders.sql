-- Courses that organisations order for their members, each order with its invoice and its items.
CREATE TABLE orders (
    order_id text COLLATE "C" PRIMARY KEY,
    org_id text COLLATE "C" NOT NULL,
    invoice_id text COLLATE "C" NOT NULL UNIQUE,
    number text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    net_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    paid_minor bigint NOT NULL,
    credited_minor bigint NOT NULL,
    written_off_minor bigint NOT NULL,
    open_minor bigint NOT NULL,
    owed_minor bigint NOT NULL,
    net_days bigint NOT NULL,
    released boolean NOT NULL,
    written_off boolean NOT NULL,
    issued_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX orders_of_organisation ON orders (org_id, position DESC);

CREATE TABLE order_items (
    item_id text COLLATE "C" PRIMARY KEY,
    order_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    course_id text COLLATE "C" NOT NULL,
    learner_id text COLLATE "C" NOT NULL,
    price_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX order_items_of_order ON order_items (order_id, number);

GRANT SELECT, INSERT, UPDATE, DELETE ON orders, order_items TO liberation_application;
GRANT SELECT ON orders, order_items TO liberation_auditor;
