//! `instances`: what is fetched, through which account, and with which labels.

use std::collections::BTreeMap;

use super::accounts::Entry;
use super::place::Place;
use super::raw::{Leaf, RawInstance};
use super::settings::{Level, Settings};
use super::{Provider, Service, Target, text};

const DAS_OF_HUAWEI: &str = "is for the service das of Huawei Cloud; remove it";

/// One item of the list that is in order by itself.
pub(super) struct Instance<'a> {
    at: Place<'a>,
    /// Index of its account.
    pub account: usize,
    service: Service,
    pub id: String,
    /// One target each; none: the instance is the target.
    nodes: Vec<String>,
    name: Option<String>,
    pub labels: Box<[(String, String)]>,
    filters: Filters,
    enabled: bool,
    pub settings: Settings,
}

/// What narrows a session list of Huawei Cloud DAS.
#[derive(Default)]
struct Filters {
    db_user_id: Option<String>,
    users: Vec<String>,
    databases: Vec<String>,
}

/// Every instance that is in order, as listed; `global` is what those of an unknown account inherit.
pub(super) fn instances<'a>(
    at: &Place<'a>,
    raw: &[RawInstance],
    accounts: &[Entry],
    global: Level,
) -> Vec<Instance<'a>> {
    let mut instances: Vec<Instance<'a>> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.iter().enumerate() {
        let Some(new) = instance(at.item(index), raw, accounts, global) else { continue };
        let same =
            |old: &&Instance| (old.account, old.service, &old.id) == (new.account, new.service, &new.id);
        match instances.iter().find(same) {
            Some(twin) => new.at.key("id").problem(format_args!(
                "{} has this id in the same account and service; make them one",
                twin.at.path()
            )),
            None => instances.push(new),
        }
    }
    instances
}

/// The targets of all enabled instances; no two may be the same to whoever reads the series.
pub(super) fn targets(instances: Vec<Instance>, accounts: &[Entry]) -> Vec<Target> {
    let mut seen: BTreeMap<(String, Option<String>), String> = BTreeMap::new();
    let mut targets = Vec::with_capacity(instances.len());
    for instance in instances.into_iter().filter(|instance| instance.enabled) {
        let nodes = instance.nodes.iter().cloned().map(Some);
        let nodes: Vec<_> = if instance.nodes.is_empty() { vec![None] } else { nodes.collect() };
        for node in nodes {
            if let Some(twin) =
                seen.insert((instance.id.clone(), node.clone()), instance.at.path().to_owned())
            {
                instance.at.key("id").problem(format_args!(
                    "{twin} has this id and node, too; their series would be the same, so disable one"
                ));
            }
            targets.extend(target(&instance, node, accounts));
        }
    }
    targets
}

fn target(instance: &Instance, node_id: Option<String>, accounts: &[Entry]) -> Option<Target> {
    Some(Target {
        account: accounts[instance.account].account.clone()?,
        service: instance.service,
        instance_id: instance.id.clone(),
        node_id,
        name: instance.name.clone(),
        labels: instance.labels.clone(),
        db_user_id: instance.filters.db_user_id.clone(),
        users: instance.filters.users.clone(),
        databases: instance.filters.databases.clone(),
        settings: instance.settings,
    })
}

fn instance<'a>(at: Place<'a>, raw: &RawInstance, accounts: &[Entry], global: Level) -> Option<Instance<'a>> {
    let account = account_index(&at.key("account"), &raw.account, accounts);
    let entry = account.map(|index| &accounts[index]);
    let level = entry.map_or(global, |entry| entry.level).overridden(&at, &raw.settings());
    let name = at.key("name").parsed(&raw.name, text::name);
    let labels = labels(&at.key("labels"), raw.labels.as_ref());
    let flags = [("true", true), ("false", false)];
    let enabled = at.key("enabled").pick(&raw.enabled, "such flag as", &flags).unwrap_or(true);
    at.key("id").refuse(raw.id.0.is_none(), "missing; the id of the instance in the cloud's console");
    let service = service(&at.key("service"), &raw.service, entry);
    // The other rules depend on provider and service.
    let (provider, service) = (entry?.provider?, service?);
    let id = at.key("id").parsed(&raw.id, |text| text::id(provider, text));
    let nodes = nodes(&at.key("nodes"), raw.nodes.as_deref(), provider, service);
    let filters = filters(&at, raw, (provider, service) == (Provider::Huawei, Service::Das));
    let (account, id, settings) = (account?, id?, level.settings());
    Some(Instance { at, account, service, id, nodes, name, labels, filters, enabled, settings })
}

/// The account that is referred to, in order or not.
pub(super) fn account_index(at: &Place, leaf: &Leaf, accounts: &[Entry]) -> Option<usize> {
    at.refuse(leaf.0.is_none(), "missing; the name of one of the accounts");
    let names: Vec<(&str, usize)> = accounts
        .iter()
        .enumerate()
        .map(|(index, entry)| (entry.name.as_str(), index))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    at.pick(leaf, "account", &names)
}

fn service(at: &Place, leaf: &Leaf, entry: Option<&Entry>) -> Option<Service> {
    if leaf.0.is_none() {
        return Some(Service::Das);
    }
    let service =
        at.pick(leaf, "service", &[Service::Das, Service::Ddm].map(|service| (service.label(), service)))?;
    if let (Service::Ddm, Some(entry)) = (service, entry) {
        at.refuse(entry.provider == Some(Provider::Alibaba), "ddm is for Huawei Cloud; remove it");
        let unreachable = entry
            .account
            .as_ref()
            .is_some_and(|account| account.provider == Provider::Huawei && account.ddm.is_none());
        at.refuse(unreachable, "the account can reach no ddm; give it a region, or endpoints.ddm");
    }
    Some(service)
}

fn nodes(at: &Place, raw: Option<&[Leaf]>, provider: Provider, service: Service) -> Vec<String> {
    let Some(raw) = raw else { return Vec::new() };
    at.refuse(service == Service::Ddm, "an instance of ddm has no nodes; remove it");
    at.refuse(raw.is_empty(), "must not be empty; remove it if the instance has no nodes");
    at.list(raw, |text| text::id(provider, text))
}

fn filters(at: &Place, raw: &RawInstance, are_due: bool) -> Filters {
    let (db_user_id, users, databases) = (at.key("db_user_id"), at.key("users"), at.key("databases"));
    if !are_due {
        db_user_id.refuse(raw.db_user_id.0.is_some(), DAS_OF_HUAWEI);
        users.refuse(raw.users.is_some(), DAS_OF_HUAWEI);
        databases.refuse(raw.databases.is_some(), DAS_OF_HUAWEI);
        return Filters::default();
    }
    let filters = Filters {
        db_user_id: db_user_id.required(
            &raw.db_user_id,
            "the id that DAS gave the database user",
            text::db_user_id,
        ),
        users: users.list(raw.users.as_deref().unwrap_or_default(), text::line),
        databases: databases.list(raw.databases.as_deref().unwrap_or_default(), text::line),
    };
    if filters.users.is_empty() && filters.databases.is_empty() {
        at.warn("has neither users nor databases; Huawei Cloud's documentation demands one of them");
    }
    filters
}

/// By name; as a slice, since a map has room for eleven, and a fleet has as many of these as instances.
fn labels(at: &Place, raw: Option<&BTreeMap<String, Leaf>>) -> Box<[(String, String)]> {
    let given = raw.into_iter().flatten();
    given
        .filter_map(|(name, leaf)| {
            let at = at.key(name);
            let value = at.required(leaf, "remove the label or give it a value", text::line);
            text::label_name(name).map_err(|error| at.problem(error)).ok()?;
            Some((name.clone(), value?))
        })
        .collect()
}
