//! The document of the interface against the interface: same addresses, real answers inside the documented shapes, and
//! real handlers that read what is documented.

use super::client::Answer;
use super::decide::read_back;
use super::doors::{House, house};
use axum::body::Body;
use axum::http::Request;
use reiver::event::{DecisionKey, Event};
use reiver::pipeline::{DecisionState, DecisionTrace};
use reiver::serve::{Phase, ROUTES};
use serde_json::{Value, json};
use std::sync::Arc;

async fn document(house: &House) -> Value {
    house.get("/openapi.json").await.ok()
}

/// A schema of the document, with the components it may refer to.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{error}: {schema}"))
}

#[track_caller]
fn holds(document: &Value, schema: &Value, value: &Value) {
    let found: Vec<String> =
        validator(document, schema).iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(found.is_empty(), "{found:?}\n{value}\n{schema}");
}

/// The same document, in which no object may hold a member that it does not name: what is answered is documented whole.
/// Problems may hold further members; that is their nature.
fn closed(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut all: serde_json::Map<String, Value> = members.iter().map(|(k, v)| (k.clone(), closed(v))).collect();
            if members.get("type") == Some(&json!("object")) && members.contains_key("properties") {
                all.entry("additionalProperties").or_insert(json!(false));
            }
            all.into()
        }
        Value::Array(entries) => entries.iter().map(closed).collect(),
        other => other.clone(),
    }
}

/// Holds an answer to what the document says of its address, method and status.
#[track_caller]
fn documented(document: &Value, address: &str, method: &str, answer: &Answer) {
    let operation = &document["paths"][address][method];
    let response = &operation["responses"][answer.status.as_str()];
    assert!(response.is_object(), "{method} {address} does not document {}: {}", answer.status, answer.text());
    let kind = answer.headers["content-type"].to_str().expect("a text");
    let media = kind.split(';').next().expect("a media type");
    let content = &response["content"][media];
    assert!(content.is_object(), "{method} {address} {} does not document {media}", answer.status);
    for name in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        assert!(answer.headers.contains_key(name.to_lowercase()), "{name} is documented and not sent");
    }
    if media.ends_with("json") && content["schema"].is_object() {
        let strict = if answer.status.is_success() { closed(document) } else { document.clone() };
        let schema = &strict["paths"][address][method]["responses"][answer.status.as_str()]["content"][media]["schema"];
        holds(&strict, schema, &answer.json());
    }
}

#[tokio::test]
async fn every_address_is_documented_and_nothing_else() {
    let house = house(true);
    let document = document(&house).await;
    assert!(document["openapi"].as_str().expect("a version").starts_with("3.1"));
    let mut there: Vec<(String, String)> = Vec::new();
    for (address, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            there.push((address.clone(), method.to_uppercase()));
            for word in ["operationId", "summary"] {
                assert!(operation[word].as_str().is_some_and(|t| !t.is_empty()), "{method} {address} has no {word}");
            }
            let named: Vec<&str> = address.split('{').skip(1).filter_map(|p| p.split('}').next()).collect();
            let params = operation["parameters"].as_array().cloned().unwrap_or_default();
            let path: Vec<&str> =
                params.iter().filter(|p| p["in"] == "path").filter_map(|p| p["name"].as_str()).collect();
            assert_eq!(path, named, "{address}");
            assert_eq!(method == "post", operation["requestBody"].is_object(), "{address}");
        }
    }
    let mut routes: Vec<_> = ROUTES.iter().map(|(a, m)| ((*a).to_owned(), (*m).to_owned())).collect();
    routes.sort();
    there.sort();
    assert_eq!(there, routes, "documented (left) and answered (right)");
}

/// `docs/openapi.json` is what the server answers, laid out for reading; written anew with `REIVER_BLESS=1`.
#[tokio::test]
async fn the_committed_document_is_the_served_one() {
    let served = document(&house(true)).await;
    let text = serde_json::to_string_pretty(&served).expect("JSON") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    if std::env::var_os("REIVER_BLESS").is_some() {
        std::fs::write(path, &text).expect("writable");
    }
    let committed = std::fs::read_to_string(path).expect("there; made with REIVER_BLESS=1");
    assert!(committed == text, "docs/openapi.json differs from what is served; REIVER_BLESS=1 writes it anew");
}

#[tokio::test]
async fn references_lead_somewhere_and_examples_are_of_their_schema() {
    let document = document(&house(true)).await;
    let mut examples = 0;
    let mut left = vec![&document];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    let pointer = target.strip_prefix('#').expect("inside the document");
                    assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
                }
                for example in members.get("examples").and_then(Value::as_array).into_iter().flatten() {
                    holds(&document, value, example);
                    examples += 1;
                }
                if let (Some(schema), Some(example)) = (members.get("schema"), members.get("example")) {
                    holds(&document, schema, example);
                    examples += 1;
                }
                left.extend(members.values());
            }
            Value::Array(entries) => left.extend(entries),
            _ => {}
        }
    }
    assert!(examples > 15, "only {examples} examples");
}

/// Puts decisions of all states into the view, as the pipeline keeps them; gives their ids.
fn explainable(house: &House) -> Vec<String> {
    let logged: Vec<_> = house.sink.spool.lock().expect("alive").iter().map(read_back).collect();
    let mut view = super::doors::view();
    let states = [DecisionState::Pending, DecisionState::Rewarded, DecisionState::Expired, DecisionState::LeftOut];
    for (decision, state) in logged.iter().zip(states) {
        let bytes = reiver::codec::encode(&Event::Decision(Box::new(decision.clone())));
        let closes = (state != DecisionState::LeftOut).then_some(decision.time);
        let trace = DecisionTrace { logged: bytes, state, reward: 1.0, closes };
        view.decisions.insert(DecisionKey::of(&decision.decision_id), trace);
    }
    house.view.store(Some(Arc::new(view)));
    logged.into_iter().take(states.len()).map(|d| d.decision_id).collect()
}

#[tokio::test]
async fn real_answers_are_inside_the_documented_shapes() {
    let house = house(true);
    let document = document(&house).await;
    for (address, example) in
        [("/v1/decide", "DecideAsk"), ("/v1/recommend", "RecommendAsk"), ("/v1/feedback", "FeedbackAsk")]
    {
        let example = &document["components"]["schemas"][example]["examples"][0];
        for body in [example.to_string(), "{}".to_owned(), "[".to_owned(), " ".repeat(2 << 20)] {
            documented(&document, address, "post", &house.post(address, body).await);
        }
    }
    let unknown = house.post("/v1/decide", json!({"experiment": "none", "unit": "u"})).await;
    documented(&document, "/v1/decide", "post", &unknown);
    for n in 0..4 {
        house.post("/v1/decide", json!({"experiment": "home", "unit": format!("u{n}")})).await.ok();
    }
    let events = document["components"]["schemas"]["Events"]["examples"][0].to_string();
    for body in [events.clone(), format!("{}\n7\n", &events[1..events.len() - 1]), "7".to_owned(), String::new()] {
        documented(&document, "/v1/events", "post", &house.post("/v1/events", body).await);
    }
    for id in explainable(&house).iter().map(String::as_str).chain(["none"]) {
        documented(&document, "/v1/decisions/{id}", "get", &house.get(&format!("/v1/decisions/{id}")).await);
    }
    for name in ["home", "none"] {
        documented(&document, "/v1/experiments/{name}", "get", &house.get(&format!("/v1/experiments/{name}")).await);
    }
    let change = "/v1/experiments/{name}/arms/{arm_action}";
    let token = Some("Bearer s3cret");
    let tries = [
        ("home/arms/ncf:pause", None),
        ("home/arms/ncf:pause", Some("Bearer no")),
        ("home/arms/none:pause", token),
        ("home/arms/popularity:retire", token),
        ("home/arms/ncf:pause", token),
        ("home/arms/ncf:resume", token),
        ("home/arms/ncf:promote", token),
        ("home/arms/transitions:retire", token),
    ];
    for (tail, token) in tries {
        let answer = house.act(&format!("/v1/experiments/{tail}"), token, json!({"reason": "r"})).await;
        documented(&document, change, "post", &answer);
    }
}

#[tokio::test]
async fn what_is_only_asked_is_documented_with_and_without_a_view() {
    let house = house(true);
    let document = document(&house).await;
    for early in [false, true] {
        if early {
            house.view.store(None);
            house.status.enter(Phase::Restoring, "part 1 of 2");
        }
        for (address, _) in ROUTES.iter().filter(|(a, m)| *m == "GET" && !a.contains('{')) {
            documented(&document, address, "get", &house.get(address).await);
        }
    }
    let post = Request::post("/v1/decide").header("host", "a").header("origin", "http://b").body(Body::empty());
    documented(&document, "/v1/decide", "post", &house.send(post.expect("a request")).await);
}

/// Every member that a request's schema names is read: left out where it is required, or of another type, it is refused
/// with its pointer; beyond a bound, too.
#[tokio::test]
async fn the_handlers_read_what_is_documented() {
    let house = house(true);
    let document = document(&house).await;
    let asks = [
        ("/v1/decide", "DecideAsk"),
        ("/v1/recommend", "RecommendAsk"),
        ("/v1/feedback", "FeedbackAsk"),
        ("/v1/experiments/home/arms/ncf:pause", "Change"),
    ];
    for (address, name) in asks {
        let schema = &document["components"]["schemas"][name];
        let required: Vec<&str> =
            schema["required"].as_array().expect("some").iter().filter_map(Value::as_str).collect();
        for (member, about) in schema["properties"].as_object().expect("members") {
            let with = |value: Option<Value>| {
                let mut body = schema["examples"][0].as_object().expect("an example").clone();
                body.remove(member);
                body.extend(value.map(|v| (member.clone(), v)));
                Value::Object(body)
            };
            let ask = async |value: Option<Value>| house.act(address, Some("Bearer s3cret"), with(value)).await;
            let left_out = ask(None).await;
            if required.contains(&member.as_str()) {
                assert_eq!(left_out.refuses(422, "missing_field")["pointer"], format!("/{member}"), "{name}");
            } else {
                left_out.ok();
            }
            let other = if about["type"].to_string().contains("boolean") { json!("x") } else { json!(true) };
            assert_eq!(ask(Some(other)).await.refuses(422, "wrong_type")["pointer"], format!("/{member}"), "{name}");
            if let Some(most) = about["maximum"].as_u64() {
                ask(Some(json!(most))).await.ok();
                ask(Some(json!(most + 1))).await.refuses(422, "number_out_of_range");
            }
            if let Some(most) = about["maxItems"].as_u64() {
                let list = |n: u64| (0..n).map(|i| format!("i{i}")).collect::<Vec<_>>();
                ask(Some(json!(list(most)))).await.ok();
                ask(Some(json!(list(most + 1)))).await.refuses(422, "too_long");
            }
            if about["minLength"] == 1 {
                ask(Some(json!(""))).await.refuses(422, "empty_field");
            }
        }
    }
}

/// The README's calls, sent as they stand there (the demo's experiment is this house's only one): each is answered, and
/// what is shown of answers has members that answers have.
#[tokio::test]
async fn the_readmes_examples_are_answered() {
    let house = house(true);
    house.post("/v1/decide", json!({"experiment": "home", "unit": "u42"})).await.ok();
    let id = explainable(&house)[0].clone();
    let readme = include_str!("../../README.md");
    let (mut seen, mut answers) = (std::collections::BTreeSet::new(), String::new());
    let now = jiff::Timestamp::from_millisecond(crate::doors::NOW.0).expect("a time").to_string();
    let quoted = |rest: &str| {
        // As a shell reads it: single quotes keep everything, double quotes take backslashes away.
        match rest.strip_prefix('\'') {
            Some(single) => single.rsplit_once('\'').map(|(body, _)| body.replace("'$(date -u +%FT%TZ)'", &now)),
            None => rest.strip_prefix('"')?.rsplit_once('"').map(|(body, _)| body.replace("\\\"", "\"")),
        }
    };
    for line in readme.lines().filter(|l| l.contains("curl -s") && l.contains("localhost:7878/v1/")) {
        let line = line.split(" | cut").next().unwrap_or(line).replace("shop", "home").replace("$id", &id);
        let (_, call) = line.split_once("localhost:7878").expect("it names the demo");
        let path = call.split([' ', '#', ')']).next().expect("a path").to_owned();
        let answer = match call.split_once("-d ").and_then(|(_, rest)| quoted(rest)) {
            Some(body) => {
                let body: serde_json::Value = serde_json::from_str(&body).expect("the README's body is JSON");
                house.post(&path, body).await.ok()
            }
            None => house.get(&path).await.ok(),
        };
        seen.insert(path.split('/').nth(2).unwrap_or_default().to_owned());
        answers.push_str(&answer.to_string());
    }
    assert!(seen.len() >= 6, "only {seen:?}");
    let (_, shown) = readme.split_once("```text\n{\"decision_id\"").expect("the README shows an answer");
    let shown = shown.split("```").next().unwrap_or_default();
    for member in shown.split('"').skip(1).step_by(2).filter(|m| shown.contains(&format!("\"{m}\":"))) {
        assert!(answers.contains(&format!("\"{member}\":")), "the README shows {member:?}, answered is {answers}");
    }
}
