//! docker-compose.yml, the Dockerfile and docs/compose.toml against each other and against the rest of the repository.
//! No container engine runs in CI, so what can be read is checked, and nothing more is claimed.

use reiver::config::{Place, Settings};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The services, with what they merge out of `x-careful`.
fn services() -> BTreeMap<String, Value> {
    let compose = yaml("docker-compose.yml");
    let services = compose["services"].as_object().expect("services").clone();
    assert!(services.len() >= 5);
    let merged = services.into_iter().map(|(name, mut service)| {
        if let Some(Value::Object(shared)) = service.as_object_mut().and_then(|s| s.remove("<<")) {
            for (key, value) in shared {
                service.as_object_mut().expect("a service").entry(key).or_insert(value);
            }
        }
        (name, service)
    });
    merged.collect()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect()
}

fn settings() -> Settings {
    let path = root().join("docs/compose.toml");
    let place = Place { name: "docs/compose.toml", folder: path.parent().expect("a folder") };
    // The token comes from the environment, as in docker-compose.yml.
    let environment = BTreeMap::from([("REIVER_HTTP__TOKEN".to_owned(), "12345678".to_owned())]);
    Settings::parse(&text("docs/compose.toml"), place, &environment).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_service_is_pinned_and_confined() {
    for (name, service) in services() {
        let image = service["image"].as_str().expect("an image");
        let (_, tag) = image.split_once(':').unwrap_or_else(|| panic!("{name}: {image} has no tag"));
        let numbers = tag.trim_start_matches('v').split('.').filter(|n| n.parse::<u32>().is_ok()).count();
        assert_eq!(numbers, 3, "{name}: {image} is not pinned to a version");
        if let Some(tag) = image.strip_prefix("reiver:") {
            assert_eq!(tag, env!("CARGO_PKG_VERSION"), "{name}");
        }
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert_eq!(service["stop_grace_period"], "30s", "{name}");
        assert!(name == "kafka" || service["read_only"] == true, "{name} may write into its image");
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port} can be reached from other machines");
        }
        let settles = name == "topics" || service["profiles"].is_array();
        assert!(settles || service["healthcheck"]["test"].is_array(), "{name} tells nobody whether it is healthy");
        let wanted = service["depends_on"].as_object().cloned().unwrap_or_default();
        for (other, how) in wanted {
            let condition = if other == "topics" { "service_completed_successfully" } else { "service_healthy" };
            assert_eq!(how["condition"], condition, "{name} waits for {other}");
        }
    }
}

#[test]
fn what_is_mounted_is_there() {
    let compose = yaml("docker-compose.yml");
    let declared: BTreeSet<String> = compose["volumes"].as_object().expect("volumes").keys().cloned().collect();
    let mut used = BTreeSet::new();
    for (name, service) in services() {
        for volume in texts(&service["volumes"]) {
            let source = volume.split(':').next().expect("a source");
            let Some(path) = source.strip_prefix("./") else {
                used.insert(source.to_owned());
                continue;
            };
            assert!(volume.ends_with(":ro"), "{name} may write to {path}");
            // A checkout without dashboards at all is not for compose.
            let outside = path.starts_with("dashboards/") && !root().join("dashboards").exists();
            assert!(outside || root().join(path).exists(), "{name} mounts {path}, which is not there");
        }
    }
    assert_eq!(used, declared, "volumes used (left) and declared");
    let home = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].clone();
    let home = home.as_str().expect("a path").replace("/var/lib/grafana/dashboards", "dashboards/grafana");
    assert!(!root().join("dashboards").exists() || root().join(&home).exists(), "{home}");
}

#[test]
fn ports_and_names_agree() {
    let (services, settings) = (services(), settings());
    let port = settings.http.listen.port();
    let mapped = |name: &str| texts(&services[name]["ports"]);
    assert_eq!(mapped("reiver"), [format!("127.0.0.1:{port}:{port}")]);
    let inside = format!("http://reiver:{port}");
    assert!(texts(&services["simulate"]["command"]).contains(&inside));
    assert!(texts(&services["reiver"]["healthcheck"]["test"]).contains(&format!("http://127.0.0.1:{port}")));
    assert!(text("Dockerfile").contains(&format!("\nEXPOSE {port}\n")));
    let kafka = services["kafka"]["environment"].as_object().expect("settings of Kafka");
    let advertised = kafka["KAFKA_ADVERTISED_LISTENERS"].as_str().expect("listeners");
    assert!(advertised.split(',').any(|l| l == format!("INSIDE://{}", settings.kafka.brokers)), "{advertised}");
    assert!(advertised.contains("HOST://localhost:9092") && mapped("kafka") == ["127.0.0.1:9092:9092"]);
    for volume in texts(&services["reiver"]["volumes"]) {
        if let Some(target) = volume.strip_prefix("state:") {
            assert_eq!(Path::new(target), settings.state.path, "the state is on its volume");
            assert!(text("Dockerfile").contains(&format!(" /out/state {target}\n")), "whose owner the image sets");
        }
    }
    if root().join("dashboards").exists() {
        let scrape = yaml("dashboards/prometheus/prometheus.yml");
        let targets = texts(&scrape["scrape_configs"][0]["static_configs"][0]["targets"]);
        assert_eq!(targets, [format!("reiver:{port}")]);
        let sources = std::fs::read_dir(root().join("dashboards/provisioning/datasources")).expect("a folder");
        let source = sources.flatten().map(|f| std::fs::read_to_string(f.path()).expect("text")).collect::<String>();
        assert!(source.contains("http://prometheus:9090") && mapped("prometheus") == ["127.0.0.1:9090:9090"]);
    }
}

#[test]
fn topics_agree() {
    let (services, settings) = (services(), settings());
    let command = texts(&services["topics"]["command"]);
    let made: BTreeSet<&str> = command.windows(2).filter(|w| w[0] == "--topic").map(|w| w[1].as_str()).collect();
    let read: BTreeSet<&str> = settings.sources.iter().map(|s| s.topic.as_str()).collect();
    assert_eq!(made, read, "topics that compose makes (left) and docs/compose.toml reads");
    let readme = text("README.md");
    for topic in read {
        assert!(readme.contains(topic), "README.md does not name {topic}");
    }
    for name in ["events", "decisions", "control", "allocations", "dead-letters"] {
        let topic = settings.kafka.topic(name);
        assert!(readme.contains(&format!("`{topic}`")), "README.md does not name {topic}");
    }
}

/// Every command of the compose file is one that the binary takes: `--help` after it parses all that stands before.
#[test]
fn commands_are_those_of_the_binary() {
    let mut commands: Vec<Vec<String>> = Vec::new();
    for service in services().values().filter(|s| s["image"].as_str().is_some_and(|i| i.starts_with("reiver:"))) {
        commands.push(texts(&service["command"]));
        commands
            .extend(Some(texts(&service["healthcheck"]["test"])).filter(|t| !t.is_empty()).map(|t| t[2..].to_vec()));
    }
    for line in text("Dockerfile").lines().filter(|l| l.starts_with("CMD") || l.starts_with("HEALTHCHECK")) {
        let list: Vec<String> = serde_json::from_str(&line[line.find('[').expect("a list")..]).expect("a JSON list");
        commands.push(list.into_iter().filter(|word| word != "/usr/local/bin/reiver").collect());
    }
    assert!(commands.len() >= 5, "{commands:?}");
    for mut command in commands {
        command.push("--help".to_owned());
        let output = Command::new(env!("CARGO_BIN_EXE_reiver")).args(&command).output().expect("the binary runs");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_image_is_built_from_all_that_a_build_reads() {
    let (dockerfile, ignored) = (text("Dockerfile"), text(".dockerignore"));
    let sent: Vec<&str> = ignored.lines().filter_map(|l| l.strip_prefix('!')).collect();
    let copies = dockerfile.lines().filter(|l| l.starts_with("COPY ") && !l.contains("--from"));
    let mut copied: Vec<&str> = Vec::new();
    for line in copies {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        copied.extend(&words[..words.len() - 1]);
    }
    for path in &copied {
        assert!(root().join(path).exists(), "the Dockerfile copies {path}, which is not there");
    }
    let (a, b): (BTreeSet<_>, BTreeSet<_>) = (copied.iter().collect(), sent.iter().collect());
    assert_eq!(a, b, "copied by the Dockerfile (left) and let through by .dockerignore");
    let there = |path: &str| root().join(path).exists() && !copied.contains(&path);
    assert!(!there("build.rs") && !there(".cargo"), "the build reads more than the Dockerfile copies");
    let manifest = text("Cargo.toml");
    let version =
        manifest.lines().find_map(|l| l.strip_prefix("rust-version = ")).expect("a version").trim_matches('"');
    assert!(dockerfile.contains(&format!("FROM rust:{version}-bookworm AS build\n")), "Rust {version}");
    assert!(dockerfile.contains("\nUSER 65532:65532\n"), "not as root");
}
