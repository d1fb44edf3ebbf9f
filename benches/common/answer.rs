//! The answer that the folds work on.

use std::fmt::Write as _;

use dbsession_exporter::model::Thresholds;

/// Sessions of the answer that the folds work on.
pub const SESSIONS: usize = 10_000;

/// When a statement is slow and a transaction long.
pub const THRESHOLDS: Thresholds = Thresholds { slow: 3.0, long: 60.0 };

/// A finished answer of `GetMySQLAllSessionAsync` with [`SESSIONS`] sessions of 866 bytes: 20 users, 100 clients, 10 databases,
/// one in ten executing, one in five with a transaction, SQL text of several lines in each.
pub fn answer() -> Vec<u8> {
    const SQL: &str = r#"SELECT o.id, o.total, c.name\n  FROM orders AS o\n  JOIN customers AS c ON c.id = o.customer\n WHERE o.state IN (\"open\", \"paid\") AND c.region = 'north'\n ORDER BY o.created DESC\n LIMIT 100 -- "#;
    let mut rows = String::with_capacity(SESSIONS * 867);
    for i in 0..SESSIONS {
        let begin = rows.len();
        let (command, state) = if i % 10 == 0 { ("Query", "Sending data") } else { ("Sleep", "") };
        let transaction = if i % 5 == 0 {
            format!(r#""TrxId":"7543{i:08}","TrxDuration":{},"#, i % 900)
        } else {
            String::new()
        };
        let _ = write!(
            rows,
            r#"{{"SessionId":{},"User":"app_{:02}","Client":"10.0.{}.{}","DbName":"shop_{}","Command":"{command}","Time":{},"State":"{state}",{transaction}"SqlText":""#,
            14_000_000 + i,
            i % 20,
            i % 4,
            i % 25,
            i % 10,
            i % 4000,
        );
        // Repeated, and cut where no escape is cut in two.
        let room = 863 - (rows.len() - begin);
        let sql = SQL.repeat(5);
        let cut = (0..=room).rev().find(|cut| !sql[..*cut].ends_with('\\')).unwrap_or(0);
        rows.push_str(&sql[..cut]);
        rows.push_str("\"},");
    }
    rows.pop();
    let stats = r#""UserStats":[{"Key":"app_00","TotalCount":10000,"ActiveCount":2800,"ThreadIdList":[1,2,3],"UserList":["app_00"]}]"#;
    format!(
        r#"{{"Code":200,"Message":"Successful","Data":{{"Fail":false,"SessionData":{{"TotalSessionCount":{SESSIONS},"ActiveSessionCount":2800,"MaxActiveTime":3990,"SessionList":[{rows}],{stats},"TimeStamp":1766632214347}},"ResultId":"async_c62f","IsFinish":true,"State":"SUCCESS","Complete":true,"Timestamp":1766632213991}},"RequestId":"B6D17591","Success":true}}"#
    )
    .into_bytes()
}
