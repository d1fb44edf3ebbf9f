//! A session as the simulated database holds it: raw text, before any cloud's dialect.

/// One row of the process list. A missing field is left out by Alibaba Cloud, `"--"` at Huawei Cloud DAS and null at DDM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimSession {
    /// Session id, unique within an instance or node.
    pub id: u64,
    /// Database account.
    pub user: Option<String>,
    /// Client as it is sent, like `10.0.0.7:51234` or `10.0.0.7`.
    pub host: Option<String>,
    /// Database in use.
    pub database: Option<String>,
    /// Type of the command, like `Query`.
    pub command: Option<String>,
    /// Thread state.
    pub state: Option<String>,
    /// Seconds in the present command; sent as a JSON number where the dialect has numbers and it is a whole one, else as text.
    pub time: Option<String>,
    /// Seconds since the transaction began; sent like `time`.
    pub trx_seconds: Option<String>,
    /// Transaction id, sent by Alibaba Cloud alone.
    pub trx_id: Option<String>,
    /// Statement.
    pub sql: Option<String>,
    /// SQL template id, sent by Alibaba Cloud alone (PolarDB-X).
    pub template: Option<String>,
}

impl SimSession {
    /// Active as Alibaba Cloud defines it: command Query or Execute, or an open transaction.
    pub(super) fn is_active(&self) -> bool {
        let executing =
            |command: &str| ["query", "execute"].iter().any(|name| command.eq_ignore_ascii_case(name));
        let identified = self.trx_id.as_deref().is_some_and(|id| !matches!(id, "" | "--"));
        self.command.as_deref().is_some_and(executing)
            || identified
            || seconds(self.trx_seconds.as_deref()).is_some_and(|seconds| seconds > 0.0)
    }
}

/// A duration that is a number, not negative and finite; none for any other text.
pub(super) fn seconds(text: Option<&str>) -> Option<f64> {
    text?.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_is_executing_or_in_a_transaction() {
        let active = |command: &str, trx_seconds: &str, trx_id: &str| {
            let text = |text: &str| Some(text.to_owned());
            let (command, trx_seconds, trx_id) = (text(command), text(trx_seconds), text(trx_id));
            SimSession { command, trx_seconds, trx_id, ..SimSession::default() }.is_active()
        };
        assert!(active("Query", "", "") && active("EXECUTE", "0", "--"));
        assert!(active("Sleep", "2", "") && active("Sleep", "0", "754300775132"));
        assert!(!active("Sleep", "0", "--") && !active("Daemon", "-1", "") && !active("Sleep", "NaN", ""));
        assert!(!SimSession::default().is_active());
    }
}
