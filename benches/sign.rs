//! Signing a request, against the digests alone that its signature is made of.

#[path = "common/compare.rs"]
mod compare;

use compare::{Contender, compare, keep};
use dbsession_exporter::cloud::canonical::{Keys, hmac_sha256_hex, query, sha256_hex};
use dbsession_exporter::cloud::{alibaba, huawei};
use jiff::Timestamp;

const SIGNATURES: usize = 10_000;

fn main() {
    let keys = Keys { id: "bench-key", secret: "bench-secret-of-usual-length00", security_token: None };
    let date = Timestamp::from_second(1_766_632_214).expect("a second of 2025");
    let alibaba = || {
        let query = query(&[
            ("InstanceId", "rm-2ze8g2am97624"),
            ("ResultId", "async_c62f1a0f46127b9827154b1fefbb195e"),
        ]);
        let request = alibaba::sign::Request {
            method: "POST",
            host: "das.cn-shanghai.aliyuncs.com",
            path: "/",
            query: &query,
            content_type: None,
            body: &[],
            action: "GetMySQLAllSessionAsync",
            version: "2020-01-16",
        };
        alibaba::sign::sign(&request, &keys, date, "0f1e2d3c4b5a69788796a5b4c3d2e1f0")
    };
    let huawei = || {
        let query = query(&[
            ("db_user_id", "2c250598-1e3c-4d31-bc19-be1d866247e6"),
            ("limit", "100"),
            ("offset", "0"),
        ]);
        let request = huawei::sign::Request {
            method: "GET",
            host: "das.cn-north-4.myhuaweicloud.com",
            path: "/v3/054e292c9880d4992f02c0196d3ea468/instances/da304cd5bbb944de828759bc7be3d3fein01/processes",
            query: &query,
            headers: &[("content-type", "application/json")],
            body: &[],
            project_id: Some("054e292c9880d4992f02c0196d3ea468"),
        };
        huawei::sign::sign(&request, &keys, date)
    };
    let canonical = alibaba().canonical_request;
    let digests = || {
        keep(sha256_hex(&[]));
        keep(hmac_sha256_hex(keys.secret.as_bytes(), &sha256_hex(canonical.as_bytes())));
    };
    let contenders: Vec<Contender<'_>> = vec![
        ("the digests alone", Box::new(|| (0..SIGNATURES).for_each(|_| digests()))),
        (
            "Alibaba Cloud, ACS3-HMAC-SHA256",
            Box::new(|| (0..SIGNATURES).for_each(|_| keep(alibaba().headers))),
        ),
        ("Huawei Cloud, SDK-HMAC-SHA256", Box::new(|| (0..SIGNATURES).for_each(|_| keep(huawei().headers)))),
    ];
    compare("sign", "signature", SIGNATURES, 21, contenders);
}
