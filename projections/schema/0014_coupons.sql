-- Coupons as they are now, and their uses: a row for each enrolment that asked for one.
CREATE TABLE coupons (
    code text COLLATE "C" PRIMARY KEY,
    maker text COLLATE "C" NOT NULL,
    percent_bp bigint NOT NULL,
    amount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz,
    max_uses bigint,
    max_uses_per_user bigint,
    minimum_price_minor bigint NOT NULL,
    scope text COLLATE "C" NOT NULL,
    scope_id text COLLATE "C" NOT NULL,
    borne_by text COLLATE "C" NOT NULL,
    ended_at timestamptz,
    reserved bigint NOT NULL,
    confirmed bigint NOT NULL,
    created_at timestamptz NOT NULL,
    position bigint NOT NULL UNIQUE,
    last_position bigint NOT NULL
);
CREATE INDEX coupons_of_maker ON coupons (maker, position DESC);

CREATE TABLE coupon_uses (
    use_id text COLLATE "C" PRIMARY KEY,
    code text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    buyer_id text COLLATE "C" NOT NULL,
    learner_id text COLLATE "C" NOT NULL,
    course_id text COLLATE "C" NOT NULL,
    payment_id text COLLATE "C" NOT NULL,
    price_minor bigint NOT NULL,
    discount_minor bigint NOT NULL,
    currency text COLLATE "C" NOT NULL,
    reserved_at timestamptz,
    changed_at timestamptz NOT NULL,
    position bigint NOT NULL,
    last_position bigint NOT NULL
);
CREATE INDEX coupon_uses_of_coupon ON coupon_uses (code, position DESC);

GRANT SELECT, INSERT, UPDATE, DELETE ON coupons, coupon_uses TO liberation_application;
GRANT SELECT ON coupons, coupon_uses TO liberation_auditor;
