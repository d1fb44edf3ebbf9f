//! Families of open transactions. All are read from listed rows: no provider counts transactions itself.

use super::families::{Family, Read, ages, gauge};

pub const FAMILIES: &[Family] = &[
    gauge(
        "dbsession_transactions",
        "Open transactions.",
        Read::Listed(|_, listed, out| out.value(listed.transactions)),
    ),
    gauge(
        "dbsession_transaction_max_duration_seconds",
        "Age of the oldest open transaction, in seconds; 0 if there is none.",
        Read::Listed(|_, listed, out| out.value(listed.transaction_ages.max)),
    ),
    ages(
        "dbsession_transaction_age_seconds",
        "Ages of the open transactions, in seconds, as a histogram of the present moment.",
        Read::Listed(|snapshot, listed, out| out.ages(&listed.transaction_ages, snapshot.taken_at)),
    ),
    gauge(
        "dbsession_long_transactions",
        "Transactions that have been open for at least dbsession_long_transaction_threshold_seconds.",
        Read::Listed(|_, listed, out| out.value(listed.long_transactions)),
    ),
    gauge(
        "dbsession_long_transaction_threshold_seconds",
        "Age from which on an open transaction counts as long, in seconds.",
        Read::Listed(|snapshot, _, out| out.value(snapshot.thresholds.long)),
    ),
    gauge(
        "dbsession_idle_transactions",
        "Open transactions of sleeping sessions.",
        Read::Listed(|_, listed, out| out.value(listed.idle_transactions)),
    ),
    gauge(
        "dbsession_idle_transaction_max_duration_seconds",
        "Age of the oldest open transaction of a sleeping session, in seconds; 0 if there is none.",
        Read::Listed(|_, listed, out| out.value(listed.oldest_idle_transaction)),
    ),
    gauge(
        "dbsession_user_transaction_max_duration_seconds",
        "Age of the oldest open transaction by database account, in seconds; 0 if there is none.",
        Read::Listed(|snapshot, _, out| {
            out.groups("db_user", snapshot.users.as_ref(), |user| user.oldest_transaction);
        }),
    ),
    gauge(
        "dbsession_client_transaction_max_duration_seconds",
        "Age of the oldest open transaction by client host, in seconds; 0 if there is none.",
        Read::Listed(|snapshot, _, out| {
            out.groups("client_host", snapshot.clients.as_ref(), |client| client.oldest_transaction);
        }),
    ),
    gauge(
        "dbsession_database_transaction_max_duration_seconds",
        "Age of the oldest open transaction by default database, in seconds; 0 if there is none.",
        Read::Listed(|snapshot, _, out| {
            out.groups("db_name", snapshot.databases.as_ref(), |database| database.oldest_transaction);
        }),
    ),
];
