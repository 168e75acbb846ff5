use super::*;
use proptest::prelude::*;

/// Looked at first, then kept: `tests/golden/top-*.txt`, written anew with `REIVER_BLESS=1`.
fn golden(name: &str, lines: &[Line], width: usize) {
    let text: String = lines.iter().map(|line| line.show(width, false) + "\n").collect();
    let path = format!("{}/tests/golden/top-{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("REIVER_BLESS").is_some() {
        std::fs::write(&path, &text).expect("writable");
    }
    let wanted = std::fs::read_to_string(&path).expect("there; made with REIVER_BLESS=1");
    assert_eq!(text, wanted, "{path}; REIVER_BLESS=1 writes it anew");
}

fn facts() -> Facts {
    let arm = |arm: &str, share: f64, best: f64, interval: Option<(f64, f64)>, decisions: u64| Arm {
        arm: arm.to_owned(),
        state: if share > 0.0 { "live" } else { "paused" }.to_owned(),
        share,
        probability_best: best,
        mean: interval.map_or(0.4, |(low, high)| (low + high) / 2.0),
        lower: interval.map(|i| i.0),
        upper: interval.map(|i| i.1),
        decisions,
    };
    let model = |model: &str, scored: u64, loss: Option<f64>| Model {
        model: model.to_owned(),
        scored,
        recall_at_10: 0.1579,
        log_loss: loss,
        auc: loss.map(|l| 1.0 - l / 2.0),
    };
    let decision = |n: u32, arm: &str, state: &str| Decision {
        time: format!("2026-11-24T07:00:{n:02}.500Z"),
        unit: format!("u{n}"),
        arm: arm.to_owned(),
        propensity: 0.71,
        reason: "assigned".to_owned(),
        state: state.to_owned(),
    };
    Facts {
        phase: "live".to_owned(),
        lag: 1_240,
        log_time: Some("2026-11-24T07:00:05.123Z".to_owned()),
        events: Some(1_204_881),
        rejected: Some(312),
        events_per_second: Some(1_012.4),
        decisions_per_second: Some(301.0),
        experiments: vec![Experiment {
            name: "home".to_owned(),
            verdict:
                "transitions has 71 % of traffic; 96 % likely best; its mean is above every other's, 95 % sure at \
                      any time one looks"
                    .to_owned(),
            baseline: "popularity".to_owned(),
            arms: vec![
                arm("popularity", 0.12, 0.001, Some((0.351, 0.414)), 20_000),
                arm("transitions", 0.71, 0.96, Some((0.501, 0.558)), 120_441),
                arm("mf", 0.17, 0.039, None, 28_111),
                arm("a-very-long-name-of-an-arm", 0.0, 0.0, Some((0.1, 0.9)), 7),
            ],
        }],
        models: vec![model("popularity", 9_100, Some(0.432)), model("transitions", 0, None)],
        decisions: Some((0..9).map(|n| decision(59 - n, "transitions", "pending")).collect()),
        ..Facts::default()
    }
}

fn around() -> Around {
    Around { url: "http://127.0.0.1:7878".to_owned(), notice: None, keys: "q quits" }
}

#[test]
fn eighty_columns_and_forty() {
    golden("80x24", &screen(Some(&facts()), &around(), 80, Some(24)), 80);
    golden("40x24", &screen(Some(&facts()), &around(), 40, Some(24)), 40);
    golden("plain", &screen(Some(&facts()), &Around { keys: "", ..around() }, 80, None), 80);
}

#[test]
fn states_have_their_sentence() {
    let gone = Around { notice: Some("nobody answers at http://127.0.0.1:7878; trying again".to_owned()), ..around() };
    golden("gone", &screen(Some(&facts()), &gone, 80, Some(12)), 80);
    golden("never", &screen(None, &gone, 80, Some(12)), 80);
    let early = Facts {
        phase: "catching_up".to_owned(),
        detail: "what came while it was down is being processed".to_owned(),
        progress: 0.61,
        lag: 140_000,
        ..Facts::default()
    };
    golden("early", &screen(Some(&early), &around(), 60, Some(12)), 60);
}

#[test]
fn the_leader_stands_out_where_colours_may_be() {
    let lines = screen(Some(&facts()), &around(), 80, Some(24));
    let shown: Vec<String> = lines.iter().map(|line| line.show(80, true)).collect();
    assert!(shown.iter().any(|line| line.starts_with("\x1b[1;32mtransitions")), "{shown:?}");
    assert!(lines.iter().all(|line| !line.show(80, false).contains('\x1b')));
}

proptest! {
    #[test]
    fn whatever_the_facts_it_fits(width in 40_usize..200, height in 1_usize..60, name in any::<String>(), share in any::<f64>()) {
        let mut facts = facts();
        facts.experiments[0].verdict.clone_from(&name);
        facts.experiments[0].arms[1].arm.clone_from(&name);
        facts.experiments[0].arms[1].share = share;
        facts.experiments[0].arms[1].mean = share;
        let lines = screen(Some(&facts), &around(), width, Some(height));
        prop_assert!(lines.len() <= height);
        for line in lines {
            let text = line.show(width, false);
            prop_assert!(columns(&text) <= width && !text.chars().any(char::is_control));
        }
    }
}
