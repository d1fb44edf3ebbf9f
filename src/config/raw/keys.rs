//! The keys of the file, map by map, each with what the reference in `docs/configuration.md` says of it.

use std::collections::BTreeMap;

#[cfg(test)]
use super::{Key, Keys};
use super::{Leaf, WordOr, flag, whole_number};

/// What the text of a leaf has to be; the checks hold it to that, the reference in `docs/` names it, and what is secret is never
/// shown.
type DurationLeaf = Leaf;
type FactorLeaf = Leaf;
type ExposeSqlLeaf = Leaf;
type FlagLeaf = Leaf;
type NumberLeaf = Leaf;
type PathLeaf = Leaf;
type RateLeaf = Leaf;
type SecretLeaf = Leaf;
type SecretUrlLeaf = Leaf;
type SizeLeaf = Leaf;
type UrlLeaf = Leaf;
type WholeLeaf = Leaf;

/// A map with the given keys and those settings that may stand on every level, kept flat because serde cannot refuse unknown
/// keys in a flattened map.
macro_rules! keys_and_settings {
    ($(#[$doc:meta])* $name:ident { $($keys:tt)* }) => {
        keys! { $(#[$doc])* $name {
            $($keys)*
            /// One fetch of each target each interval; at least `1s`.
            interval: DurationLeaf = "30s",
            /// One fetch, all its calls together, without waits for the rate limit.
            timeout: DurationLeaf = "20s",
            /// How long the last good data are shown after their fetch ended.
            stale_after: DurationLeaf = "max(60s, 2 × interval, interval + timeout)",
            /// From here on an executing session counts as slow.
            slow_session_threshold: DurationLeaf = "3s",
            /// From here on an open transaction counts as long.
            long_transaction_threshold: DurationLeaf = "60s",
            /// A larger answer is refused, also after decompression.
            max_response_bytes: SizeLeaf = "64MiB",
            /// Pages of one fetch, 1 to 10000; sessions beyond them count as unlisted.
            #[serde(deserialize_with = "whole_number")]
            max_pages: WholeLeaf = "200",
            /// Series of one target, 165 to 1000000, with `compat` 247 at least; beyond it more label values go to `other`.
            #[serde(deserialize_with = "whole_number")]
            max_series: WholeLeaf = "1000",
            /// Fetch more often while active sessions are abnormal; `off` ends what a level above says.
            spike: Option<WordOr<RawSpike>> = "off",
            /// `digest`: pages and the JSON API show statements with every literal replaced; `none`: no SQL text is decoded.
            expose_sql: ExposeSqlLeaf = "none",
            /// Keep the evidence of spikes, unless it is `off`.
            incidents: Option<WordOr<RawIncidents>> = "on, with the keys' defaults",
            /// Exporters under whose names the same data are shown as well: `mysqld`. `[]` ends what a level above says.
            compat: Option<Vec<Leaf>> = "[]",
            /// How long the series of an ended kill task are shown.
            kill_task_retention: DurationLeaf = "1h",
        } }

        impl $name {
            pub fn settings(&self) -> RawSettings<'_> {
                RawSettings {
                    interval: &self.interval,
                    timeout: &self.timeout,
                    stale_after: &self.stale_after,
                    slow_session_threshold: &self.slow_session_threshold,
                    long_transaction_threshold: &self.long_transaction_threshold,
                    max_response_bytes: &self.max_response_bytes,
                    max_pages: &self.max_pages,
                    max_series: &self.max_series,
                    spike: self.spike.as_ref(),
                    expose_sql: &self.expose_sql,
                    incidents: self.incidents.as_ref(),
                    compat: self.compat.as_deref(),
                    kill_task_retention: &self.kill_task_retention,
                }
            }
        }
    };
}

/// The settings of one level, wherever they stand.
pub(in crate::config) struct RawSettings<'a> {
    pub interval: &'a Leaf,
    pub timeout: &'a Leaf,
    pub stale_after: &'a Leaf,
    pub slow_session_threshold: &'a Leaf,
    pub long_transaction_threshold: &'a Leaf,
    pub max_response_bytes: &'a Leaf,
    pub max_pages: &'a Leaf,
    pub max_series: &'a Leaf,
    pub spike: Option<&'a WordOr<RawSpike>>,
    pub expose_sql: &'a Leaf,
    pub incidents: Option<&'a WordOr<RawIncidents>>,
    pub compat: Option<&'a [Leaf]>,
    pub kill_task_retention: &'a Leaf,
}

keys! {
    /// The whole file.
    RawFile {
        /// What holds for everything below.
        global: Option<RawGlobal>,
        /// Accesses to the clouds.
        accounts: Option<Vec<RawAccount>>,
        /// What is fetched.
        instances: Option<Vec<RawInstance>>,
        /// Results of session-terminating tasks to watch.
        kill_tasks: Option<Vec<RawKillTask>>,
    }
}

keys_and_settings! {
    /// `global`
    RawGlobal {
        /// Users, clients and databases kept by name, 1 to 1000 of each for each target; the rest is summed as `other`.
        #[serde(deserialize_with = "whole_number")]
        top: WholeLeaf = "20",
    }
}

keys_and_settings! {
    /// `accounts[]`
    RawAccount {
        /// Required. Instances refer to the account by it; also the label `account`.
        name: Leaf,
        /// Required: `alibaba` or `huawei`.
        provider: Leaf,
        /// Label `region`. Alibaba Cloud: `cn-shanghai` where it is left out, since one endpoint serves all regions.
        /// Huawei Cloud: required unless every endpoint is given.
        region: Leaf,
        /// Huawei Cloud only. Where it is left out, the environment, the profile or IAM tell it.
        project_id: Leaf,
        /// What calls are signed with.
        credentials: Option<WordOr<RawKeys>> = "default",
        /// Where the cloud's services are, if not at their usual places.
        endpoints: Option<RawServices>,
        /// What all calls of the account to a service may take together.
        rate_limit: Option<RawRates>,
        /// Proxy of every call of the account, or `none`. Where it is left out, `HTTPS_PROXY` and the like decide.
        proxy: UrlLeaf,
        /// File that holds `proxy`.
        proxy_file: PathLeaf,
        /// Which certificates are trusted.
        tls: Option<RawTls>,
    }
}

keys! {
    /// `accounts[].endpoints`
    RawServices {
        /// DAS. Alibaba Cloud: `https://das.cn-shanghai.aliyuncs.com`. Huawei Cloud: from the region.
        das: UrlLeaf,
        /// DDM of Huawei Cloud: from the region.
        ddm: UrlLeaf,
        /// IAM of Huawei Cloud: from the region.
        iam: UrlLeaf,
        /// STS of Alibaba Cloud: `https://sts.aliyuncs.com`.
        sts: UrlLeaf,
        /// Metadata of the virtual machine. Alibaba Cloud: `http://100.100.100.200`. Huawei Cloud: `http://169.254.169.254`.
        metadata: UrlLeaf,
    }
}

keys! {
    /// `accounts[].tls`
    RawTls {
        /// Authorities that are trusted as well, in PEM.
        ca_file: PathLeaf,
        /// Whether authorities of the system are trusted.
        #[serde(deserialize_with = "flag")]
        system_roots: FlagLeaf = "true",
    }
}

keys! {
    /// `accounts[].rate_limit`
    RawRates {
        /// DAS, of either cloud.
        das: RateLeaf = "10/s, Huawei Cloud: 60/min",
        /// DDM of Huawei Cloud.
        ddm: RateLeaf = "50/min",
    }
}

keys_and_settings! {
    /// `instances[]`
    RawInstance {
        /// Required: name of an account.
        account: Leaf,
        /// `das`, or `ddm` of Huawei Cloud.
        service: Leaf = "das",
        /// Required: the cloud's id of the instance. For `ddm` that of the RDS instance behind it.
        id: Leaf,
        /// Alibaba Cloud only: nodes of a cluster; each is a target of its own.
        nodes: Option<Vec<Leaf>>,
        /// For people: the label `instance_name`, and pages.
        name: Leaf,
        /// Put on every series of the instance.
        labels: Option<BTreeMap<String, Leaf>>,
        /// Huawei Cloud DAS only, and required there: the id that DAS gave a database login.
        db_user_id: Leaf,
        /// Huawei Cloud DAS only: database users to filter by; each is a sweep of its own.
        users: Option<Vec<Leaf>>,
        /// Huawei Cloud DAS only: databases to filter by; each is a sweep of its own.
        databases: Option<Vec<Leaf>>,
        /// Whether it is fetched; it is checked all the same.
        #[serde(deserialize_with = "flag")]
        enabled: FlagLeaf = "true",
    }
}

keys! {
    /// `kill_tasks[]`
    RawKillTask {
        /// Required: name of an account of Alibaba Cloud.
        account: Leaf,
        /// Required: instance whose sessions the task ends.
        instance: Leaf,
        /// Node that the task was made for, if it was made for one.
        node: Leaf,
        /// Required: the id that the cloud gave the task.
        task: Leaf,
    }
}

keys! {
    /// `spike` on every level, where it is a map.
    RawSpike {
        /// Interval while the spike lasts, as far as the rate limit has calls to spare; at least `1s`.
        interval: DurationLeaf = "5s",
        /// Active sessions are a spike above this many times their own recent level.
        above: FactorLeaf = "2x",
        /// Fewer active sessions are never a spike.
        #[serde(deserialize_with = "whole_number")]
        min_active: WholeLeaf = "10",
    }
}

keys! {
    /// `incidents` on every level, where it is a map.
    RawIncidents {
        /// An incident has more active sessions than these.
        #[serde(deserialize_with = "whole_number")]
        active_above: WholeLeaf = "50",
        /// An incident has more active sessions than so many times their own recent level; 1 to 1000.
        factor: NumberLeaf = "3",
        /// What comes this soon after an incident belongs to it.
        cooldown: DurationLeaf = "5m",
        /// Incidents of one instance or node that are kept, 1 to 10000.
        #[serde(deserialize_with = "whole_number")]
        keep: WholeLeaf = "100",
    }
}

keys! {
    /// `accounts[].credentials`, where it is a map.
    RawKeys {
        /// Key of a user, or of a role together with `security_token`.
        access_key_id: SecretLeaf,
        /// File that holds `access_key_id`.
        access_key_id_file: PathLeaf,
        /// Its secret.
        access_key_secret: SecretLeaf,
        /// File that holds `access_key_secret`.
        access_key_secret_file: PathLeaf,
        /// Token of a temporary key.
        security_token: SecretLeaf,
        /// File that holds `security_token`.
        security_token_file: PathLeaf,
        /// Profile of the cloud's command line or of its file of credentials; Huawei Cloud: a section.
        profile: Leaf,
        /// Alibaba Cloud: role to take on.
        role_arn: Leaf,
        /// Name of the session in that role.
        role_session_name: Leaf = "dbsession_exporter",
        /// What the role demands of third parties.
        external_id: SecretLeaf,
        /// File that holds `external_id`.
        external_id_file: PathLeaf,
        /// Life of the role's keys, `15m` to `12h`.
        duration: DurationLeaf = "1h",
        /// A role or user for a token of another identity provider.
        oidc: Option<RawOidc>,
        /// Alibaba Cloud: RAM role of the ECS instance that the exporter runs on.
        ecs_role: Leaf,
        /// Alibaba Cloud: service of your own that hands out keys.
        credentials_uri: SecretUrlLeaf,
        /// Huawei Cloud: a token for the password of an IAM user.
        iam: Option<RawIam>,
        /// Huawei Cloud: agency to assume.
        agency: Option<RawAgency>,
        /// Huawei Cloud: agency of the ECS instance that the exporter runs on.
        #[serde(deserialize_with = "flag")]
        ecs_agency: FlagLeaf,
    }
}

keys! {
    /// `accounts[].credentials.oidc` of either cloud.
    RawOidc {
        /// Alibaba Cloud: role to take on.
        role_arn: Leaf,
        /// Alibaba Cloud: identity provider that the role trusts.
        provider_arn: Leaf,
        /// Huawei Cloud: id of the identity provider.
        idp_id: Leaf,
        /// File with the token; read at each renewal.
        token_file: PathLeaf,
    }
}

keys! {
    /// `accounts[].credentials.agency`
    RawAgency {
        /// Name of the agency.
        name: Leaf,
        /// Name of the account that created it.
        domain: Leaf,
    }
}

keys! {
    /// `accounts[].credentials.iam`
    RawIam {
        /// Name of the account.
        domain: Leaf,
        /// Name of the IAM user.
        user: Leaf,
        /// Password of the IAM user.
        password: SecretLeaf,
        /// File that holds `password`.
        password_file: PathLeaf,
        /// Project that the token is for; the region where it is left out.
        project: Leaf,
    }
}
