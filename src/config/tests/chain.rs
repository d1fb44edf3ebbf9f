//! What variables and files of profiles say beside keys: where STS and metadata are, and how a role is taken on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::config::{Credentials, Found, Role, Secret, parse};

/// The credentials of an account with these keys more, by these variables, with this home directory.
fn credentials(rest: &str, set: &[(&str, &str)], home: &TempDir) -> Credentials {
    let env = |name: &str| {
        let home = (name == "HOME").then(|| home.path().display().to_string());
        home.or_else(|| set.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned()))
    };
    let text = format!("accounts: [{{name: a, {rest}}}]");
    parse(&text, Path::new("f"), &env).unwrap_or_else(|error| panic!("{error}")).accounts[0]
        .credentials
        .clone()
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// What the link of the chain with this name has.
fn link(credentials: &Credentials, name: &str) -> Found {
    let Credentials::Chain(links) = credentials else { panic!("{credentials:?}") };
    links.iter().find(|link| link.name == name).expect(name).found.clone()
}

fn write(home: &TempDir, name: &str, text: &str) -> String {
    let path = home.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn sts_is_where_the_file_says_else_the_profile_else_the_environment() {
    const ROLE: &str = "provider: alibaba, credentials: {role_arn: 'acs:ram::1:role/r', access_key_id: a, access_key_secret: b}";
    let region = ("ALIBABA_CLOUD_STS_REGION", "cn-beijing");
    let vpc = ("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true");
    let own = format!("{ROLE}, endpoints: {{sts: 'https://sts.example.com'}}");
    for (rest, set, host) in [
        (ROLE, &[][..], "sts.aliyuncs.com"),
        (ROLE, &[region], "sts.cn-beijing.aliyuncs.com"),
        (ROLE, &[region, vpc], "sts-vpc.cn-beijing.aliyuncs.com"),
        (ROLE, &[vpc], "sts.aliyuncs.com"),
        (ROLE, &[("ALIBABA_CLOUD_STS_REGION", "evil.example.com/")], "sts.aliyuncs.com"),
        (&own, &[region, vpc], "sts.example.com"),
    ] {
        let Credentials::Role(role) = credentials(rest, set, &home()) else { panic!("a role") };
        assert_eq!(role.sts.base(), format!("https://{host}"), "{set:?}");
    }
}

#[test]
fn metadata_are_at_the_address_of_each_cloud_unless_the_file_says_otherwise() {
    let own = "endpoints: {metadata: 'http://[fd00:ec2::254]'}, ";
    for (provider, name, own, base) in [
        ("alibaba", "ECS RAM role", "", "http://100.100.100.200"),
        ("huawei, region: cn-north-4", "ECS agency", "", "http://169.254.169.254"),
        ("alibaba", "ECS RAM role", own, "http://[fd00:ec2::254]"),
        ("huawei, region: cn-north-4", "ECS agency", own, "http://[fd00:ec2::254]"),
    ] {
        let chain = credentials(&format!("{own}provider: {provider}"), &[], &home());
        let endpoint = match link(&chain, name) {
            Found::Credentials(Credentials::EcsRole(role)) => role.metadata,
            Found::Credentials(Credentials::EcsAgency(endpoint)) => endpoint,
            other => panic!("{other:?}"),
        };
        assert_eq!(endpoint.base(), base, "{provider}");
    }
}

#[test]
fn the_environment_names_the_role_of_the_instance() {
    let set = [("ALIBABA_CLOUD_ECS_METADATA", "node"), ("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")];
    let found = link(&credentials("provider: alibaba", &set, &home()), "ECS RAM role");
    let Found::Credentials(Credentials::EcsRole(role)) = found else { panic!("{found:?}") };
    assert_eq!((role.name.as_deref(), role.unhardened), (Some("node"), false));
}

#[test]
fn a_role_of_a_profile_is_taken_on_as_the_profile_has_it() {
    let home = home();
    let keys = r#""access_key_id": "i", "access_key_secret": "s", "sts_token": "t""#;
    let role = r#""ram_role_arn": "acs:ram::1:role/r", "ram_session_name": "me", "external_id": "x", "policy": "{}""#;
    let region = r#""expired_seconds": 1800, "sts_region": "cn-hangzhou", "enable_vpc": true"#;
    let profile = format!(r#"{{"name": "p", "mode": "RamRoleArn", {keys}, {role}, {region}}}"#);
    write(&home, ".aliyun/config.json", &format!(r#"{{"profiles": [{profile}]}}"#));
    let set = [("ALIBABA_CLOUD_STS_REGION", "cn-beijing")];
    let found = credentials("provider: alibaba, credentials: {profile: p}", &set, &home);
    let Credentials::Role(role) = found else { panic!("{found:?}") };
    let Role { base: Credentials::Keys(keys), session_name, external_id, duration, policy, sts, .. } = *role
    else {
        panic!("keys");
    };
    assert_eq!(keys.security_token.as_ref().map(Secret::expose), Some("t"));
    assert_eq!((session_name.as_str(), policy.as_deref()), ("me", Some("{}")));
    assert_eq!((external_id.as_ref().map(Secret::expose), duration), (Some("x"), Duration::from_mins(30)));
    assert_eq!(sts.base(), "https://sts-vpc.cn-hangzhou.aliyuncs.com");
}

#[test]
fn the_environment_names_another_file_of_profiles() {
    let home = home();
    write(
        &home,
        ".alibabacloud/credentials.ini",
        "[default]\naccess_key_id = not\naccess_key_secret = this\n",
    );
    write(&home, ".huaweicloud/credentials", "[basic]\nak = not\nsk = this\n");
    let file = write(
        &home,
        "elsewhere",
        "[default]\naccess_key_id = id\naccess_key_secret = s\n[basic]\nak = id\nsk = s\n",
    );
    for (rest, name, variable) in [
        ("provider: alibaba", "credentials file", "ALIBABA_CLOUD_CREDENTIALS_FILE"),
        ("provider: huawei, region: cn-north-4", "profile", "HUAWEICLOUD_SDK_CREDENTIALS_FILE"),
    ] {
        for (set, id) in [(&[(variable, file.as_str())][..], "id"), (&[], "not")] {
            let found = link(&credentials(rest, set, &home), name);
            let Found::Credentials(Credentials::Keys(keys)) = found else { panic!("{found:?}") };
            assert_eq!(keys.access_key_id.expose(), id, "{set:?}");
        }
    }
}

#[test]
fn a_section_may_be_in_the_second_of_the_two_files() {
    let home = home();
    let keys = |id| format!("access_key_id = {id}\naccess_key_secret = s\n");
    write(&home, ".alibabacloud/credentials.ini", &format!("[both]\n{}", keys("first")));
    let second = format!("[both]\n{}[one]\n{}", keys("second"), keys("other"));
    write(&home, ".alibabacloud/credentials", &second);
    for (section, id) in [("both", "first"), ("one", "other")] {
        let rest = format!("provider: alibaba, credentials: {{profile: {section}}}");
        let Credentials::Keys(keys) = credentials(&rest, &[], &home) else { panic!("keys") };
        assert_eq!(keys.access_key_id.expose(), id);
    }
}
