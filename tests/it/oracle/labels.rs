//! How the contract spells label values. Knows text only.

use std::net::Ipv6Addr;

/// `MySQL`'s commands, as the `command` label spells them.
const COMMANDS: &str = "binlog_dump binlog_dump_gtid change_user clone close_stmt connect connect_out create_db daemon debug \
    delayed_insert drop_db error execute fetch field_list group_replication_data_stream_subscription init_db kill long_data \
    ping prepare processlist query quit refresh register_replica register_slave reset_connection reset_stmt set_option \
    shutdown sleep statistics subscribe_group_replication_stream table_dump time";

/// The states of `mysqld_exporter`'s table.
const STATES: &str = "after_create altering_table analyzing checking_permissions checking_table cleaning_up closing_tables \
    converting_heap_to_myisam copying_to_tmp_table creating_sort_index creating_table creating_tmp_table deleting executing \
    execution_of_init_command end freeing_items flushing_tables fulltext_initialization idle init killed waiting_for_lock \
    logging_slow_query login manage_keys opening_tables optimizing preparing reading_from_net removing_duplicates \
    removing_tmp_table reopen_tables repair_by_sorting repair_done repair_with_keycache replication_master rolling_back \
    searching_rows_for_update sending_data sorting_for_group sorting_for_order sorting_index sorting_result statistics \
    updating waiting_for_tables waiting_for_table_flush waiting_on_cond writing_to_net";

/// A user, host, database or template.
pub fn plain(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).map_or_else(|| "none".to_owned(), |text| bounded(distinct(text)))
}

/// A known command, `other` for an unknown one, `none` without one.
pub fn command(text: Option<&str>) -> String {
    let Some(text) = text else { return "none".to_owned() };
    let command = text.to_lowercase().replace(' ', "_");
    if COMMANDS.split_whitespace().any(|known| known == command) { command } else { "other".to_owned() }
}

/// A state as `mysqld_exporter` spells it, `unknown` where nothing is left of it.
pub fn state(text: Option<&str>) -> String {
    let state = text.unwrap_or_default().to_lowercase().replace([';', ',', ':', '.', '(', ')'], "");
    let state = state.replace([' ', '-'], "_");
    if state.is_empty() { "unknown".to_owned() } else { bounded(distinct(&state)) }
}

/// Whether a state is kept however few sessions are in it.
pub fn is_table_state(state: &str) -> bool {
    state == "unknown" || STATES.split_whitespace().any(|known| known == state)
}

/// The host of a `host:port`, with the many ways to write an IPv6 address.
pub fn client_host(text: &str) -> &str {
    let is_port =
        |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let host = match text.rsplit_once(':') {
        Some((host, port)) if is_port(port) && !host.is_empty() && !is_v6(text) => host,
        _ => text,
    };
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inside) if is_v6(inside) => inside,
        _ if is_v6(host) || !host.contains(':') => host,
        _ => text,
    }
}

/// An IPv6 address, perhaps with a zone id, which has no colon of its own.
fn is_v6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, ""));
    address.parse::<Ipv6Addr>().is_ok() && !zone.contains(':')
}

/// Keeps a real value apart from the values that the exporter itself puts in its place.
fn distinct(text: &str) -> String {
    let reserved = matches!(text.trim_end_matches('_'), "other" | "none" | "unknown");
    if reserved { format!("{text}_") } else { text.to_owned() }
}

fn bounded(text: String) -> String {
    if text.chars().count() <= 128 { text } else { text.chars().take(127).chain(['…']).collect() }
}
