//! The databases of the demo: who connects to them, and what goes wrong there. Nothing but tables.

use crate::demo::workload::{Pool, Scene, Statement, System, Workload};

const fn statement(
    command: &'static str,
    state: &'static str,
    sql: &'static str,
    template: &'static str,
    seconds: u64,
    writes: bool,
) -> Statement {
    Statement { command, state, sql, template, seconds, writes }
}

const fn pool(
    user: &'static str,
    database: &'static str,
    clients: &'static [&'static str],
    connections: u64,
    busy: u64,
    statements: &'static [Statement],
) -> Pool {
    Pool { user, database, clients, connections, busy, statements }
}

const fn system(
    user: &'static str,
    client: &'static str,
    command: &'static str,
    state: &'static str,
) -> System {
    System { user, client, command, state }
}

const WEB: &[&str] = &["10.20.1.11", "10.20.1.12", "10.20.1.13", "10.20.1.14", "10.20.1.15", "10.20.1.16"];
const WORKERS: &[&str] = &["10.20.7.31", "10.20.7.32", "10.20.7.33"];
const OFFICE: &[&str] = &["172.16.40.21", "172.16.40.87"];
const DDM_NODES: &[&str] = &["172.16.241.84", "172.16.241.85"];

const SHOP: &[Statement] = &[
    statement("Query", "executing", "SELECT * FROM orders WHERE id = 81722", "a7cac1a9", 2, false),
    statement(
        "Query",
        "Sending data",
        "SELECT sku, qty FROM order_lines WHERE order_id = 81722",
        "51f0c2de",
        3,
        false,
    ),
    statement("Execute", "statistics", "SELECT * FROM customers WHERE id = ?", "0b7743aa", 2, false),
    statement(
        "Query",
        "updating",
        "UPDATE stock SET qty = qty - 1 WHERE sku = 'B-1207'",
        "e19d5f30",
        4,
        true,
    ),
    statement(
        "Query",
        "query end",
        "INSERT INTO order_events (order_id, kind) VALUES (81722, 'paid')",
        "77ab01c4",
        2,
        true,
    ),
];

const BATCH: &[Statement] = &[
    statement(
        "Query",
        "Creating sort index",
        "SELECT day, sum(total) FROM orders GROUP BY day ORDER BY day",
        "c41e77b2",
        20,
        false,
    ),
    statement(
        "Query",
        "Sending data",
        "SELECT * FROM order_lines WHERE created_at > '2026-01-01'",
        "9d20f4e6",
        14,
        false,
    ),
    statement(
        "Query",
        "copy to tmp table",
        "SELECT customer_id, count(*) FROM orders GROUP BY customer_id",
        "38c5ab17",
        16,
        false,
    ),
    statement(
        "Execute",
        "updating",
        "DELETE FROM sessions WHERE expires_at < now() LIMIT 1000",
        "f602d19b",
        9,
        true,
    ),
];

const SCHEDULER: System = system("event_scheduler", "localhost", "Daemon", "Waiting on empty queue");
const BINLOG: System = system(
    "replicator",
    "10.20.0.9",
    "Binlog Dump GTID",
    "Master has sent all binlog to slave; waiting for more updates",
);
const PRIMARY: &[System] = &[SCHEDULER, BINLOG];
const REPLICA: &[System] = &[
    SCHEDULER,
    system("system user", "", "Connect", "Waiting for master to send event"),
    system("system user", "", "Query", "Slave has read all relay log; waiting for more updates"),
];

/// A scene for the others to begin with.
const SCENE: Scene = Scene {
    from: 0,
    lasts: 0,
    every: 600,
    sessions: 1,
    apart: 0,
    killed: None,
    user: "",
    client: "10.20.7.31",
    database: "",
    command: "Query",
    state: "executing",
    sql: "",
    in_transaction: false,
};

/// The spike of orders, which a kill task ends the first time. It lasts until the alert that waits two minutes has fired, with
/// a Prometheus that scrapes and evaluates each half minute.
pub(super) const SPIKE: Scene = Scene {
    from: 60,
    lasts: 240,
    every: 480,
    sessions: 48,
    killed: Some((270, 285)),
    user: "report_batch",
    client: "10.20.7.32",
    database: "orders",
    state: "Sending data",
    sql: "SELECT * FROM orders o JOIN order_lines l ON l.order_id = o.id ORDER BY o.created_at",
    ..SCENE
};

pub(super) const ORDERS: Workload = Workload {
    pools: &[
        pool("order_app", "orders", WEB, 60, 220, SHOP),
        pool("checkout_app", "orders", WEB, 24, 180, SHOP),
        pool("dba_rds", "mysql", &["127.0.0.1"], 2, 60, SHOP),
    ],
    scenes: &[SPIKE],
    system: PRIMARY,
};

pub(super) const PAYMENTS: Workload = Workload {
    pools: &[
        pool("payment_app", "payments", WEB, 40, 260, SHOP),
        pool("settlement", "payments", WORKERS, 8, 500, BATCH),
    ],
    scenes: &[
        Scene {
            from: 30,
            lasts: 75,
            every: 180,
            user: "settlement",
            database: "payments",
            command: "Sleep",
            state: "",
            in_transaction: true,
            ..SCENE
        },
        Scene {
            from: 35,
            lasts: 70,
            every: 180,
            sessions: 9,
            apart: 6,
            user: "payment_app",
            client: "10.20.1.12",
            database: "payments",
            state: "Waiting for row lock",
            sql: "UPDATE accounts SET balance = balance - 10 WHERE id = 4711",
            in_transaction: true,
            ..SCENE
        },
    ],
    system: PRIMARY,
};

pub(super) const INVENTORY: Workload = Workload {
    pools: &[
        pool("inventory_app", "inventory", WEB, 30, 150, SHOP),
        pool("sync", "inventory", WORKERS, 5, 350, BATCH),
    ],
    scenes: &[],
    system: PRIMARY,
};

pub(super) const ACCOUNTS: Workload = Workload {
    pools: &[
        pool("accounts_app", "accounts", WEB, 36, 120, SHOP),
        pool("login_app", "accounts", WEB, 48, 90, SHOP),
    ],
    scenes: &[Scene {
        from: 10,
        lasts: 400,
        every: 480,
        user: "jupyter",
        client: "172.16.40.87",
        database: "accounts",
        command: "Sleep",
        state: "",
        in_transaction: true,
        ..SCENE
    }],
    system: PRIMARY,
};

pub(super) const REPORTS: Workload = Workload {
    pools: &[
        pool("bi_readonly", "orders", OFFICE, 10, 400, BATCH),
        pool("report_batch", "orders", WORKERS, 12, 600, BATCH),
    ],
    scenes: &[Scene {
        from: 5,
        lasts: 540,
        user: "bi_readonly",
        client: "172.16.40.21",
        database: "orders",
        state: "Creating sort index",
        sql: "SELECT customer_id, sum(total) FROM orders GROUP BY customer_id ORDER BY 2 DESC",
        in_transaction: true,
        ..SCENE
    }],
    system: REPLICA,
};

pub(super) const CATALOG_WRITER: Workload = Workload {
    pools: &[
        pool("catalog_app", "catalog", WEB, 20, 300, SHOP),
        pool("importer", "catalog", WORKERS, 6, 450, BATCH),
    ],
    scenes: &[
        Scene {
            from: 90,
            lasts: 60,
            every: 300,
            user: "importer",
            database: "catalog",
            state: "Waiting for table metadata lock",
            sql: "ALTER TABLE products ADD COLUMN colour varchar(32)",
            ..SCENE
        },
        Scene {
            from: 95,
            lasts: 55,
            every: 300,
            sessions: 14,
            apart: 3,
            user: "catalog_app",
            client: "10.20.1.14",
            database: "catalog",
            state: "Waiting for table metadata lock",
            sql: "SELECT * FROM products WHERE id = 99",
            ..SCENE
        },
    ],
    system: PRIMARY,
};

pub(super) const CATALOG_READER: Workload = Workload {
    pools: &[
        pool("catalog_app", "catalog", WEB, 55, 260, SHOP),
        pool("search_app", "catalog", WORKERS, 15, 200, SHOP),
    ],
    scenes: &[],
    system: REPLICA,
};

pub(super) const EVENTS: Workload = Workload {
    pools: &[
        pool("tracker", "events", WEB, 70, 350, SHOP),
        pool("analytics", "events", OFFICE, 9, 500, BATCH),
    ],
    scenes: &[],
    system: &[SCHEDULER],
};

pub(super) const CRM: Workload = Workload {
    pools: &[
        pool("crm_app", "crm", WEB, 90, 160, SHOP),
        pool("crm_batch", "crm", WORKERS, 25, 420, BATCH),
        pool("backup", "mysql", &["10.20.0.9"], 1, 100, BATCH),
    ],
    scenes: &[Scene {
        from: 20,
        lasts: 130,
        every: 360,
        user: "crm_batch",
        database: "crm",
        state: "updating",
        sql: "UPDATE contacts SET segment = 'dormant' WHERE last_seen < '2025-01-01'",
        in_transaction: true,
        ..SCENE
    }],
    system: PRIMARY,
};

pub(super) const BILLING: Workload = Workload {
    pools: &[
        pool("billing_app", "billing", WEB, 32, 200, SHOP),
        pool("invoicing", "billing", WORKERS, 6, 550, BATCH),
    ],
    scenes: &[Scene {
        from: 150,
        lasts: 40,
        every: 300,
        sessions: 6,
        apart: 2,
        user: "billing_app",
        client: "10.20.1.15",
        database: "billing",
        state: "Waiting for global read lock",
        sql: "INSERT INTO invoices (customer_id, total) VALUES (17, 119.00)",
        ..SCENE
    }],
    system: PRIMARY,
};

pub(super) const CMS: Workload = Workload {
    pools: &[pool("cms_app", "cms", WEB, 18, 140, SHOP), pool("editor", "cms", OFFICE, 7, 90, SHOP)],
    scenes: &[],
    system: PRIMARY,
};

pub(super) const SHARD: Workload = Workload {
    pools: &[
        pool("DDMRW1613058863", "shop_0000", DDM_NODES, 45, 190, SHOP),
        pool("DDMRW1613058863", "shop_0001", DDM_NODES, 45, 190, SHOP),
        pool("DDMR1613058863", "shop_0000", DDM_NODES, 20, 120, SHOP),
    ],
    scenes: &[Scene {
        from: 70,
        lasts: 45,
        every: 270,
        sessions: 5,
        apart: 5,
        user: "DDMRW1613058863",
        client: "172.16.241.84",
        database: "shop_0001",
        state: "Waiting for table metadata lock",
        sql: "ALTER TABLE carts ADD INDEX (customer_id)",
        ..SCENE
    }],
    system: &[SCHEDULER],
};
