//! Secrets: where they are read from, and that no message shows one, wherever it was put.

use std::path::Path;

use super::{assert_problem, config, no_keys, problems};
use crate::config::{Config, ConfigError, Credentials, Secret, load, parse};

const CANARY: &str = "cAnAry7!x";

fn account(credentials: &str) -> String {
    format!(
        "accounts: [{{name: hw, provider: huawei, region: cn-north-4, project_id: p, credentials: {credentials}}}]"
    )
}

/// Access key id, secret and token of the first account.
fn keys(config: &Config) -> [Option<&str>; 3] {
    let Credentials::Keys(keys) = &config.accounts[0].credentials else { panic!("{config:?}") };
    [Some(&keys.access_key_id), Some(&keys.access_key_secret), keys.security_token.as_ref()]
        .map(|secret| secret.map(Secret::expose))
}

#[test]
fn keys_are_given_inline_by_variable_or_by_file_beside_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("keys")).unwrap();
    std::fs::write(directory.path().join("keys/secret"), "from-file \r\n\n").unwrap();
    let path = directory.path().join("dbsession.yml");
    let credentials =
        "{access_key_id: 12345, access_key_secret_file: keys/secret, security_token: '${TOKEN}'}";
    std::fs::write(&path, account(credentials)).unwrap();
    let config = load(&path, &no_keys).unwrap();
    assert_eq!(keys(&config), [Some("12345"), Some("from-file"), Some("canary-token")]);
}

#[test]
fn an_iam_user_has_a_password_and_by_default_the_regions_project() {
    let config = config(&account("{iam: {domain: d, user: u, password: hunter2}}"));
    let Credentials::Iam(iam) = &config.accounts[0].credentials else { panic!("{config:?}") };
    let seen = (iam.domain.as_str(), iam.user.as_str(), iam.password.expose(), iam.project.as_str());
    assert_eq!(seen, ("d", "u", "hunter2", "cn-north-4"));
}

#[test]
fn half_of_one_kind_or_two_kinds_at_once_are_refused() {
    let at = |key: &str| format!("accounts[0].credentials{key}: ");
    assert_problem(&account("{access_key_id: a}"), &at(".access_key_secret"), "missing");
    assert_problem(&account("{access_key_secret: a}"), &at(".access_key_id"), "missing");
    assert_problem(&account("{iam: {domain: d, user: u}}"), &at(".iam.password"), "password_file");
    assert_problem(&account("{iam: {user: u, password: p}}"), &at(".iam.domain"), "missing");
    assert_problem(
        &account("{access_key_id: a, access_key_secret: b, iam: {domain: d}}"),
        &at(""),
        "two kinds at once",
    );
    assert_problem(
        &account("{access_key_id: a, access_key_secret: b, access_key_secret_file: c}"),
        &at(".access_key_secret_file"),
        "given twice",
    );
    assert_problem(
        &account("{access_key_id: a, access_key_secret: ''}"),
        &at(".access_key_secret"),
        "must not be empty",
    );
    assert_eq!(problems(&account("{}")).len(), 2);
    assert_eq!(problems(&account("{security_token: t}")).len(), 2);
}

#[test]
fn a_secret_file_that_gives_no_secret_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let found = |path: &str| {
        let text = account(&format!("{{access_key_id: a, access_key_secret_file: '{path}'}}"));
        problems(&text).join("\n")
    };
    let missing = directory.path().join("missing").display().to_string();
    let message = found(&missing);
    assert!(message.starts_with("accounts[0].credentials.access_key_secret_file: cannot read "), "{message}");
    assert!(message.contains(&missing) && message.contains("os error 2"), "{message}");
    assert!(found(&file("empty", " \n")).contains("is empty"));
    assert!(found(&file("large", &"x".repeat(70_000))).contains("more than 64 KiB"));
}

#[test]
fn a_key_that_no_header_can_carry_is_refused() {
    for id in ["a b", "\"a\\nb\"", "schlüssel"] {
        assert_problem(
            &account(&format!("{{access_key_id: {id}, access_key_secret: b}}")),
            "accounts[0].credentials: access_key_id has",
            "",
        );
    }
    assert_eq!(keys(&config(&account("{access_key_id: a, access_key_secret: b ü c}")))[1], Some("b ü c"));
}

#[test]
fn no_message_repeats_a_secret_wherever_it_was_put() {
    let texts = [
        CANARY.to_owned(),
        format!("[{CANARY}]"),
        format!("accounts: {CANARY}"),
        format!("accounts: [{CANARY}]"),
        format!("accounts: [{{access_key_secret: {CANARY}}}]"),
        format!("accounts: [{{access_key_secret={CANARY}}}]"),
        format!("accounts: [{{name: [{CANARY}]}}]"),
        account(CANARY),
        account(&format!("'${{{CANARY}}}'")),
        account(&format!("[{CANARY}]")),
        account(&format!("!{CANARY} x")),
        account(&format!("!!int {CANARY}")),
        account(&format!("{{{CANARY}}}")),
        account(&format!("{{? [{CANARY}] : x}}")),
        account(&format!("{{{CANARY}: {{a: 1, a: 2}}}}")),
        account(&format!("{{{CANARY}: 1, {CANARY}: 2}}")),
        account(&format!("{{access_key_id: a, access_key_secret:{CANARY}}}")),
        account(&format!("{{access_key_id: a, access_key_secret={CANARY}}}")),
        account(&format!("{{access_key_id: a, access_key_secret: [{CANARY}]}}")),
        account(&format!("{{access_key_id: a, access_key_secret: {{{CANARY}: {CANARY}}}}}")),
        account(&format!("{{access_key_id: '{CANARY} ü', access_key_secret: a}}")),
        account(&format!("{{access_key_secret: {CANARY}, secret: {CANARY}}}")),
        account(&format!("{{access_key_secret: {CANARY}, access_key_secret: {CANARY}}}")),
        account(&format!("{{access_key_secret: {CANARY}, access_key_secret_file: {CANARY}}}")),
        account(&format!("{{iam: {CANARY}}}")),
        account(&format!("{{iam: {{domain: d, user: u, password: [{CANARY}]}}}}")),
        account(&format!("{{iam: {{domain: d, user: u, pasword: {CANARY}}}}}")),
        account(&format!("\"unknown field `{CANARY}`, expected {CANARY}\"")),
        account(&format!("\"x, expected {CANARY}\"")),
        account(&format!("\"duplicate field `{CANARY}`\"")),
        account(&format!("{{access_key_id: {CANARY}\n bad yaml: [}}")),
        account(&format!("{{access_key_id: \"{CANARY}\\q\"}}")),
        format!("global: {{top: {CANARY}, interval: 5s}}"),
        format!("global: {{interval: {CANARY}, timeout: '{CANARY}s', max_response_bytes: {CANARY}}}"),
        format!("instances: [{{account: a, id: '{CANARY}/', enabled: {CANARY}}}]"),
    ];
    for text in texts {
        let error = parse(&text, Path::new("f.yml"), &no_keys).expect_err(&text);
        assert_silent(&error, CANARY, &text);
    }
    let numbers = [
        "12345678",
        "0x12345678",
        "1234567.8",
        "-12345678",
        "123456789012345678901234567890",
        "1234567890123456789012345678901234567890123",
    ];
    for number in numbers {
        for credentials in
            [number.to_owned(), format!("[{number}]"), format!("{{access_key_secret: {number}}}")]
        {
            let text = account(&credentials);
            let error = parse(&text, Path::new("f.yml"), &no_keys).expect_err(&text);
            assert_silent(&error, "1234567", &text);
        }
    }
}

fn assert_silent(error: &ConfigError, secret: &str, text: &str) {
    assert!(
        !error.to_string().contains(secret) && !format!("{error:?}").contains(secret),
        "{error}\n in {text}"
    );
}

#[test]
fn a_variable_in_the_wrong_place_is_not_shown() {
    for text in [
        "accounts: [{name: a, provider: '${TOKEN}', credentials: {access_key_id: a, access_key_secret: b}}]"
            .to_owned(),
        "instances: [{account: '${TOKEN}', id: a}]".to_owned(),
        "global: {interval: '${TOKEN}', top: '${TOKEN}', max_response_bytes: '${TOKEN}'}".to_owned(),
        account("'${TOKEN}'"),
    ] {
        let found = problems(&text).join("\n");
        assert!(!found.contains("canary"), "{found}");
    }
    assert_problem(
        "instances: [{account: '${TOKEN}', id: a}]",
        "instances[0].account: no account \"${TOKEN}\"",
        "",
    );
}

#[test]
fn a_configuration_can_be_dumped_without_its_secrets() {
    let texts = [
        format!("{{access_key_id: {CANARY}, access_key_secret: {CANARY}, security_token: {CANARY}}}"),
        format!("{{iam: {{domain: d, user: u, password: {CANARY}}}}}"),
    ];
    for text in texts {
        let dump = format!("{:?}", config(&account(&text)));
        assert!(dump.contains("<secret>") && !dump.contains(CANARY), "{dump}");
    }
}
