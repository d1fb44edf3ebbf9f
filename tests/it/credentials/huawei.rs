//! Each kind of credentials of Huawei Cloud, and the look-up of the project.

use dbsession_exporter::demo::Metadata;

use super::Provider::Huawei;
use super::{KEY, PROJECT, Place, operations};

const FETCH: &str = "processes";
const AGENCY: &str = "agency: {name: reader, domain: company}";

#[tokio::test]
async fn the_project_is_looked_up_once_by_the_name_of_the_region() {
    let place = Place::new().await;
    let keys = format!("{{access_key_id: {}, access_key_secret: {}}}", KEY.0, KEY.1);
    let calls = place.fetched(Huawei, &keys).await;
    assert_eq!(operations(&calls), ["projects", FETCH]);
    assert_eq!(calls[0].query, [("name".to_owned(), "cn-north-4".to_owned())]);

    place.cloud.add_project("fedcba9876543210", "cn-north-4");
    let said = place.fails(Huawei, &keys, "not_found").await;
    assert!(
        said.contains(PROJECT) && said.contains("fedcba9876543210") && said.contains("project_id"),
        "{said}"
    );

    let none = Place::new().await;
    none.cloud.set_sessions("in01", Vec::new());
    let yaml = none.yaml(Huawei, &keys).replace("region: cn-north-4", "region: cn-north-1");
    let fetched = none.invocation(&yaml, &["fetch", "in01"]).finish().await;
    assert!(fetched.stderr.contains("no project has the name cn-north-1"), "{}", fetched.stderr);
}

#[tokio::test]
async fn an_agency_is_assumed_with_any_other_form() {
    let mut place = Place::new().await;
    place.cloud.add_agency("reader", "company");
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    place.file(".huaweicloud/credentials", &format!("[p]\nak = {}\nsk = {}\n", KEY.0, KEY.1));
    place.set("HUAWEICLOUD_SDK_AK", KEY.0).set("HUAWEICLOUD_SDK_SK", KEY.1);
    let keys = format!(", access_key_id: {}, access_key_secret: {}", KEY.0, KEY.1);
    place.cloud.add_iam_user("company", "reader", "pass-canary");
    let iam = ", iam: {domain: company, user: reader, password: pass-canary}";
    for base in ["", ", profile: p", ", ecs_agency: true", iam, &keys] {
        let calls = place.fetched(Huawei, &format!("{{{AGENCY}{base}}}")).await;
        let names = operations(&calls);
        assert_eq!(names[names.len() - 3..], ["securitytokens", "projects", FETCH], "{base}");
        assert!(calls.last().is_some_and(|call| call.key.starts_with("STS.")));
    }
}

#[tokio::test]
async fn the_agency_of_the_instance_is_had_with_a_token_and_else_without() {
    let place = Place::new().await;
    place.cloud.set_metadata(Metadata::Hardened, Some("node"));
    for status in [200, 404, 405, 503] {
        if status != 200 {
            place.cloud.set_metadata(Metadata::Plain(status), Some("node"));
        }
        let calls = place.fetched(Huawei, "{ecs_agency: true}").await;
        assert_eq!(operations(&calls), ["token", "securitykey", "projects", FETCH]);
        assert_eq!((calls[0].status, calls[1].status), (Some(status), Some(200)));
    }
    for (status, reason) in [(403, "auth"), (500, "provider_error")] {
        place.cloud.set_metadata(Metadata::Plain(status), Some("node"));
        let said = place.fails(Huawei, "{ecs_agency: true}", reason).await;
        assert!(said.contains("/meta-data/latest/api/token: HTTP status"), "{said}");
    }
}

#[tokio::test]
async fn tokens_are_had_for_a_password_and_for_a_token() {
    let place = Place::new().await;
    place.cloud.add_iam_user("company", "reader", "pass-canary");
    let token = place.token_file();
    let oidc = format!("{{oidc: {{idp_id: idp, token_file: {token}}}}}");
    for credentials in ["{iam: {domain: company, user: reader, password: pass-canary}}", oidc.as_str()] {
        let calls = place.fetched(Huawei, credentials).await;
        assert_eq!(operations(&calls), ["tokens", "projects", FETCH]);
        assert!(calls[1].key.len() > 1000 && calls[1].key == calls[2].key, "the same token");
    }
}

#[tokio::test]
async fn a_profile_is_any_section() {
    let place = Place::new().await;
    let token = place.token_file();
    let sections = format!(
        "[basic]\nak = {}\nsk = {}\nproject_id = {PROJECT}\n[federated]\nidp_id = idp\nid_token_file = {token}\n",
        KEY.0, KEY.1
    );
    place.file(".huaweicloud/credentials", &sections);
    assert_eq!(operations(&place.fetched(Huawei, "{profile: basic}").await), [FETCH], "it names the project");
    assert_eq!(
        operations(&place.fetched(Huawei, "{profile: federated}").await),
        ["tokens", "projects", FETCH]
    );
}
