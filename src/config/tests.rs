//! The example, defaults, overrides, and what every mistake is answered with.

use super::*;
use crate::adapter::kafka::KafkaConfig;
use crate::allocate::{ExperimentConfig, PolicyKind};
use crate::event::{Content, Span, Time};
use crate::pipeline::Teaching;
use crate::port::Start;
use std::collections::BTreeMap;
use std::path::Path;

const EXAMPLE: &str = include_str!("../../docs/reiver.example.toml");

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse_with(text: &str, pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    Settings::parse(text, Place { name: "reiver.toml", folder: Path::new("") }, &environment(pairs))
}

fn parse(text: &str) -> Result<Settings, ConfigError> {
    parse_with(text, &[])
}

#[track_caller]
fn refused(text: &str, pairs: &[(&str, &str)], message: &str) {
    let error = parse_with(text, pairs).expect_err(text);
    assert_eq!(error.to_string(), message, "for {text}");
}

fn value<'a>(settings: &'a Settings, path: &str) -> (&'a str, String) {
    let found = settings.values.iter().find(|setting| setting.path == path).expect(path);
    (&found.value, found.origin.to_string())
}

#[test]
fn the_example_loads_and_is_what_it_says() {
    let settings = parse(EXAMPLE).expect("the example is valid");
    assert_eq!(settings.doubts, Vec::<String>::new());
    assert_eq!(settings.kafka.group, "shop");
    assert_eq!(
        settings.sources,
        [
            SourceSettings { topic: "shop.events".into(), start: Start::Earliest, content: Content::Events },
            SourceSettings { topic: "shop.items".into(), start: Start::Earliest, content: Content::Items },
        ]
    );
    let [home] = settings.experiments.as_slice() else { panic!("one experiment") };
    let mut usual = ExperimentConfig::new("home", &["popularity", "transitions", "mf", "ncf"], "popularity");
    usual.reward = home.reward.clone();
    usual.max_share = BTreeMap::from([("ncf".to_owned(), 0.5)]);
    assert_eq!(*home, usual, "what the example shows are the defaults");
    assert_eq!(home.reward.reward("purchase", Some(19.9)), Some(19.9));
    let pipeline = settings.pipeline(2);
    assert_eq!(pipeline.memory, 4 << 30);
    let models: Vec<(&str, Option<usize>)> =
        pipeline.models.iter().map(|(name, config)| (name.as_str(), config.dimensions)).collect();
    assert_eq!(models, [("popularity", None), ("transitions", None), ("mf", None), ("ncf", Some(50))]);
}

#[test]
fn every_setting_of_the_example_is_read_even_where_it_is_commented_out() {
    let whole: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ").filter(|rest| rest.contains(" = ")) {
            Some(rest) => format!("{rest}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("secrets")).expect("a folder");
    std::fs::write(folder.path().join("secrets/token"), "a-long-token\n").expect("a file");
    std::fs::write(folder.path().join("secrets/kafka"), "pass word\r\n").expect("a file");
    std::fs::write(folder.path().join("ncf.safetensors"), "any").expect("a file");
    let path = folder.path().join("reiver.toml");
    std::fs::write(&path, whole).expect("a file");
    let settings = Settings::load(&path, &BTreeMap::new()).expect("valid");
    assert_eq!(settings.http.token, Some(Secret::new("a-long-token")));
    assert_eq!(settings.kafka.client["sasl.password"], "pass word");
    assert_eq!(settings.kafka.client["sasl.mechanism"], "SCRAM-SHA-512");
    assert_eq!(settings.experiments[0].reward.cap(), 100.0);
    assert_eq!(settings.state.path, folder.path().join("state"));
    assert_eq!(
        (settings.warm[0].kind.as_str(), &settings.warm[0].path),
        ("ncf", &folder.path().join("ncf.safetensors"))
    );
    assert_eq!(settings.pipeline(1).warm, settings.warm);
    let shown = format!("{settings:?}");
    assert!(!shown.contains("a-long-token") && !shown.contains("pass word"), "{shown}");
}

#[test]
fn an_empty_file_gives_the_defaults_and_says_so() {
    let settings = parse("").expect("valid");
    assert_eq!(settings.kafka, KafkaConfig::default());
    assert_eq!((settings.state.every, settings.state.keep), (Span::seconds(10), 3));
    assert_eq!(settings.learn, LearnSettings { rank: RankShare::Auto, memory: 4 << 30, teaching: Teaching::default() });
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:7878");
    assert_eq!(settings.models().len(), 4, "nothing is asked for: all models run");
    assert_eq!(value(&settings, "http.listen"), ("\"127.0.0.1:7878\"", "default".to_owned()));
    assert_eq!(settings.hash(), parse("# a comment").expect("valid").hash());
    assert_ne!(settings.hash(), parse("[state]\nkeep = 4").expect("valid").hash());
    assert_eq!(value(&settings, "http.token_file"), ("(not set)", "default".to_owned()));
}

#[test]
fn a_short_experiment_has_the_usual_defaults() {
    let settings = parse("[[experiment]]\nname = 'home'\narms = ['mf', 'popularity']").expect("valid");
    assert_eq!(settings.experiments, [ExperimentConfig::new("home", &["mf", "popularity"], "popularity")]);
    let models: Vec<String> = settings.models().into_iter().map(|(name, _)| name).collect();
    assert_eq!(models, ["popularity", "mf"], "only arms run");
    let fixed =
        "[[experiment]]\nname = 'x'\narms = ['mf', 'theirs']\npolicy = 'fixed'\nshares = { mf = 0.25, theirs = 0.75 }
        stick = 'none'\nramp = 'off'\nhalf_life = 'none'";
    let settings = parse(fixed).expect("valid");
    let shares = BTreeMap::from([("mf".to_owned(), 0.25), ("theirs".to_owned(), 0.75)]);
    assert_eq!(settings.experiments[0].policy, PolicyKind::Fixed(shares));
    let only = &settings.experiments[0];
    assert_eq!((only.stick, only.ramp, only.half_life, only.baseline.as_str()), (None, None, None, "mf"));
}

#[test]
fn the_environment_overrides_and_is_named() {
    let settings = parse_with(
        EXAMPLE,
        &[
            ("REIVER_HTTP__LISTEN", "localhost:80"),
            ("REIVER_HTTP__TOKEN", "a-long-token"),
            ("REIVER_KAFKA__CLIENT__SASL_PASSWORD", "hush"),
            ("REIVER_KAFKA__CLIENT__LINGER_MS", "7"),
            ("REIVER_EXPERIMENT__HOME__FLOOR", "0.04"),
            ("REIVER_EXPERIMENT__0__ARMS", "popularity, ncf"),
            ("REIVER_EXPERIMENT__HOME__MAX_SHARE__NCF", "0.6"),
            ("REIVER_EXPERIMENT__1__NAME", "second"),
            ("REIVER_SOURCE__SHOP_EVENTS__START", "2026-11-24T07:00:00Z"),
            ("REIVER_SOURCE__1__START", "42"),
            ("REIVER_LEARN__RANK", "1.0"),
            ("REIVER_EXPERIMENT__HOME__REWARD", "{ like = 2 }"),
            ("REIVER_SHARED", "/somewhere"),
            ("HOME", "/root"),
        ],
    )
    .expect("valid");
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:80");
    assert_eq!(settings.kafka.client["sasl.password"], "hush");
    assert_eq!(settings.kafka.client["linger.ms"], "7");
    let home = &settings.experiments[0];
    assert_eq!((home.floor, home.max_share["ncf"], home.arms.len()), (0.04, 0.6, 2));
    assert_eq!(home.reward.reward("like", None), Some(2.0));
    assert_eq!(settings.experiments[1].name, "second");
    assert_eq!(settings.sources[0].start, Start::At(Time(1_795_503_600_000)));
    assert_eq!(settings.sources[1].start, Start::Offset(42));
    assert_eq!(settings.learn.rank, RankShare::Fixed(1.0));
    assert_eq!(value(&settings, "learn.rank"), ("\"1.0\"", "environment REIVER_LEARN__RANK".to_owned()));
    assert_eq!(
        value(&settings, "kafka.client.sasl.password"),
        ("(hidden)", "environment REIVER_KAFKA__CLIENT__SASL_PASSWORD".to_owned())
    );
    assert_eq!(value(&settings, "http.token").0, "(hidden)");
    assert_eq!(value(&settings, "experiment.home.floor").1, "environment REIVER_EXPERIMENT__HOME__FLOOR");
    let line = EXAMPLE.lines().position(|line| line.starts_with("window")).expect("a line") + 1;
    assert_eq!(value(&settings, "experiment.home.window").1, format!("reiver.toml:{line}:12"));
    assert!(!format!("{settings:?}").contains("hush"));
}

#[test]
fn an_arm_that_looks_misspelt_is_doubted_not_refused() {
    let settings = parse("[[experiment]]\nname = 'x'\narms = ['popularity', 'nfc']").expect("may be served elsewhere");
    assert_eq!(
        settings.doubts,
        ["experiment x: arm \"nfc\" is no model here, so it is taken to be served elsewhere; did you mean \"ncf\"?"]
    );
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    refused("[http]\nlistn = 'x'", &[], "reiver.toml:2:1: [http] has no setting \"listn\"; did you mean \"listen\"?");
    refused(
        "[experiments]\n",
        &[],
        "reiver.toml:1:2: the file has no setting \"experiments\"; did you mean \"experiment\"?",
    );
    refused(
        "[state]\nfrequency = 1",
        &[],
        "reiver.toml:2:1: [state] has no setting \"frequency\"; it has path, every, keep",
    );
    refused(
        "[[experiment]]\nname = 'home'\n  basline = 'mf'",
        &[],
        "reiver.toml:3:3: [experiment.home] has no setting \"basline\"; did you mean \"baseline\"?",
    );
    refused(
        "",
        &[("REIVER_HTTP__LISEN", "x")],
        "environment REIVER_HTTP__LISEN: [http] has no setting \"lisen\"; did you mean \"listen\"?",
    );
    refused(
        "",
        &[("REIVER_EXPERIMENT__HOME__FLOOR", "0.1")],
        "environment REIVER_EXPERIMENT__HOME__FLOOR: no experiment is named home",
    );
    refused(
        "[kafka]\nclients = 1",
        &[],
        "reiver.toml:2:1: [kafka] has no setting \"clients\"; did you mean \"client\"?",
    );
}

#[test]
fn a_file_to_begin_from_must_be_there() {
    let Err(error) = parse("[[model]]\nname = 'mf'\nwarm_start = 'no/such.safetensors'") else {
        panic!("it is not there")
    };
    let told = error.to_string();
    assert!(told.contains("reiver.toml:3:14: model.mf.warm_start"), "{told}");
    assert!(told.contains("`reiver export --model mf --out"), "{told}");
}

#[test]
fn wrong_values_are_answered_with_right_ones() {
    for (text, message) in [
        (
            "[state]\nevery = 10",
            "reiver.toml:2:9: state.every = 10: a time is a number and a unit, such as 250ms, 10s, 30m, 12h or 7d; this is a number",
        ),
        (
            "[state]\nevery = '10'",
            "reiver.toml:2:9: state.every = \"10\": a time is a number and a unit, such as 250ms, 10s, 30m, 12h or 7d",
        ),
        ("[state]\nkeep = 0", "reiver.toml:2:8: state.keep = 0: must lie between 1 and 1000"),
        ("[state]\nkeep = 2.5", "reiver.toml:2:8: state.keep = 2.5: must be a whole number"),
        (
            "[learn]\nmemory = '4G'",
            "reiver.toml:2:10: learn.memory = \"4G\": a size is a number and a unit, such as 512MiB or 4GiB",
        ),
        ("[learn]\nrank = 2", "reiver.toml:2:8: learn.rank = 2: must lie between 0 and 1, or \"auto\""),
        ("[learn]\nrank = nan", "reiver.toml:2:8: learn.rank = nan: must be a number, this is a number, or \"auto\""),
        (
            "[http]\nlisten = '7878'",
            "reiver.toml:2:10: http.listen = \"7878\": must be an address and a port, such as 127.0.0.1:7878 or [::1]:7878",
        ),
        (
            "[http]\nlisten = '0.0.0.0:80'",
            "reiver.toml:2:10: http.listen = \"0.0.0.0:80\" can be reached from other machines, and there is no token: set http.token_file (or REIVER_HTTP__TOKEN), or listen on 127.0.0.1",
        ),
        (
            "[http]\ntoken = 'short'",
            "reiver.toml:2:9: http.token = (hidden): a token has 8 to 4096 visible ASCII characters and no spaces",
        ),
        (
            "[http]\ntoken_file = 'nowhere'",
            "reiver.toml:2:14: http.token_file = \"nowhere\": No such file or directory (os error 2)",
        ),
    ] {
        refused(text, &[], message);
    }
}

#[test]
fn wrong_tables_are_answered_with_right_ones() {
    for (text, message) in [
        (
            "[kafka]\nprefix = 'a b'",
            "reiver.toml:2:10: kafka.prefix = \"a b\": a name has 1 to 64 letters, digits, '.', '_' and '-'",
        ),
        (
            "[kafka.client]\ngroup.id = 'x'",
            "reiver.toml:2:12: kafka.client.group.id is not yours to set: write kafka.group",
        ),
        (
            "[kafka.client]\nsasl.password = 'x'\nsasl.password_file = 'y'",
            "reiver.toml:3:22: kafka.client.sasl.password_file = \"y\": No such file or directory (os error 2)",
        ),
        ("[[source]]\nstart = 'latest'", "reiver.toml:1:1: source.0 needs topic"),
        (
            "[[source]]\ntopic = 'reiver.events'",
            "reiver.toml:1:1: reiver.events is one of our own topics (prefix reiver): it is read without being named",
        ),
        (
            "[[source]]\ntopic = 't'\nstart = 'soon'",
            "reiver.toml:3:9: source.t.start = \"soon\": must be \"earliest\", \"latest\", a time such as \"2026-11-24T07:00:00Z\", or an offset from 0",
        ),
        ("[source]\ntopic = 't'", "reiver.toml:1:2: write [[source]], with two brackets: there may be several"),
        (
            "[[model]]\nname = 'mfc'",
            "reiver.toml:2:8: model.mfc.name = \"mfc\": there is no such model; did you mean \"mf\"?",
        ),
        (
            "[[model]]\nname = 'mf'\ndimensions = 0",
            "reiver.toml:3:14: model.mf.dimensions = 0: must lie between 1 and 1024",
        ),
        ("[http]\nlisten = 'x", "reiver.toml:2:12: this is not TOML: invalid literal string, expected `'`"),
        ("http = 3", "reiver.toml:1:8: http is a table, [http], not a number"),
    ] {
        refused(text, &[], message);
    }
}

#[test]
fn experiments_that_cannot_work_are_refused() {
    for (rest, message) in [
        (
            "baseline = 'transition'",
            "reiver.toml:4:12: experiment.x.baseline = \"transition\": \"transition\" is none of the arms; did you mean \"transitions\"?",
        ),
        (
            "max_share = { mff = 0.5 }",
            "reiver.toml:4:13: experiment.x.max_share = { mff = 0.5 }: \"mff\" is none of the arms; did you mean \"mf\"?",
        ),
        (
            "max_share = { mf = 0.3, transitions = 0.3 }",
            "reiver.toml:1:1: experiment x: max_share lets all arms together have 0.6, less than 1",
        ),
        ("floor = 0.97", "reiver.toml:1:1: experiment x: floor 0.97 and baseline_share 0.05 sum to more than 1"),
        ("floor = 2", "reiver.toml:4:9: experiment.x.floor = 2: must lie between 0 and 1"),
        (
            "policy = 'fixed'",
            "reiver.toml:1:1: experiment.x: policy = \"fixed\" needs shares, such as { popularity = 0.5, ncf = 0.5 }",
        ),
        (
            "shares = { mf = 1 }",
            "reiver.toml:1:1: experiment.x: shares are for policy = \"fixed\"; thompson finds its own",
        ),
        (
            "policy = 'fixed'\nshares = { mf = 0.5, transitions = 0.4 }",
            "reiver.toml:1:1: experiment x: fixed shares must be positive and sum to 1, they sum to 0.9",
        ),
        (
            "policy = 'ucb'",
            "reiver.toml:4:10: experiment.x.policy = \"ucb\": must be \"thompson\", or \"fixed\" with shares",
        ),
        (
            "reward = {}",
            "reiver.toml:4:10: experiment.x.reward = {}: the reward table is empty: name at least one action, as in { click = 1.0 }",
        ),
        (
            "reward = { click = 'valu' }",
            "reiver.toml:4:10: experiment.x.reward = { click = \"valu\" }: click must be a number, or \"value\" for the event's own",
        ),
        ("stick = '10s'", "reiver.toml:4:9: experiment.x.stick = \"10s\": must be 1m or longer, or \"none\""),
        ("[[experiment]]\nname = 'x'", "reiver.toml:4:1: experiment x is given twice"),
    ] {
        refused(&format!("[[experiment]]\nname = 'x'\narms = ['mf', 'transitions']\n{rest}"), &[], message);
    }
    refused(
        "[[experiment]]\nname = 'x'\narms = ['mf', 'mf']",
        &[],
        "reiver.toml:1:1: experiment x: arm mf is named twice",
    );
    refused(
        "[[experiment]]\nname = 'x/y'",
        &[],
        "reiver.toml:2:8: experiment.x/y.name = \"x/y\": a name has 1 to 64 letters, digits, '.', '_' and '-'",
    );
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    refused(
        "[state]\nkeep = 0\n[http]\nlistn = 1\n[kafka]\nbrokers = ''",
        &[("REIVER_LEARN__RANK", "lots")],
        "4 problems in the settings:
  reiver.toml:2:8: state.keep = 0: must lie between 1 and 1000
  reiver.toml:4:1: [http] has no setting \"listn\"; did you mean \"listen\"?
  reiver.toml:6:11: kafka.brokers = \"\": must not be empty
  environment REIVER_LEARN__RANK: learn.rank = \"lots\": must be a number, this is a text, or \"auto\"",
    );
}

#[test]
fn a_missing_file_says_what_to_do() {
    let error = Settings::load(Path::new("nowhere/reiver.toml"), &BTreeMap::new()).expect_err("missing");
    assert_eq!(
        error.to_string(),
        "nowhere/reiver.toml: No such file or directory (os error 2); --config FILE names another, \
         docs/reiver.example.toml is one to begin with"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_and_no_variable_panics(text in ".{0,200}", name in "[A-Z0-9_]{0,30}", value in ".{0,30}") {
        let variable = format!("REIVER_{name}");
        let _ = parse_with(&text, &[(&variable, &value)]);
        let _ = parse_with(EXAMPLE, &[(&variable, &value), ("REIVER_EXPERIMENT__HOME", &value), ("REIVER_MODEL__NCF__NAME", &value)]);
    }
}
