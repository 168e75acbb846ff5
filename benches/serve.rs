//! Deciding: the draw alone, the draw with its log record, and a whole request through the router, without a socket.

#[path = "../tests/http/doors.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod doors;

use axum::body::Body;
use axum::http::Request;
use criterion::{Criterion, criterion_group, criterion_main};
use doors::{NOW, house, view};
use reiver::allocate::{AssignRequest, Overlay};
use reiver::serve::router;
use std::hint::black_box;
use std::sync::Arc;
use tower::ServiceExt;

fn benches(c: &mut Criterion) {
    let house = house(false);
    let overlay = Overlay::default();
    let held = Arc::new(view());
    let experiment = &held.experiments[0];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let router = router(house.doors);
    let mut group = c.benchmark_group("serve");
    group.bench_function("draw", |b| {
        let request = AssignRequest { unit: "u42", decision_id: "0197a000-0000-7000-8000-000000000001", now: NOW };
        b.iter(|| black_box(experiment.assign(black_box(&request), &overlay)));
    });
    for (name, path, body) in [
        ("healthz", "/healthz", ""),
        ("decide", "/v1/decide", r#"{"experiment":"home","unit":"u42","context":{"device":"phone"}}"#),
        (
            "feedback",
            "/v1/feedback",
            r#"{"decision_id":"0197a000-0000-7000-8000-000000000001","metric":"click","value":1}"#,
        ),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let method = if body.is_empty() { "GET" } else { "POST" };
                let request = Request::builder().method(method).uri(path).body(Body::from(body)).expect("a request");
                let answer = runtime.block_on(router.clone().oneshot(request)).expect("never fails");
                assert!(answer.status().is_success());
                black_box(answer)
            });
        });
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
