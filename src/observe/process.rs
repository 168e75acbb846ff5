//! The usual `process_*` numbers, read from `/proc/self` at a scrape. Where there is no `/proc`, they are left out.

use std::fs;

/// Clock ticks a second in `/proc`: fixed at 100 for user space on every Linux architecture.
const TICKS: f64 = 100.0;

/// What the kernel says of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessFacts {
    /// CPU time, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Resident bytes.
    pub resident_bytes: f64,
    /// Virtual bytes.
    pub virtual_bytes: f64,
    /// Open file descriptors.
    pub open_fds: f64,
    /// Limit of open file descriptors.
    pub max_fds: f64,
    /// Threads.
    pub threads: f64,
    /// When it started, seconds since 1970.
    pub start_time_seconds: f64,
}

impl ProcessFacts {
    /// Reads them; `None` where `/proc` is not there or says something unknown.
    #[must_use]
    pub fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let mut facts = Self::of_stat(&stat)?;
        facts.resident_bytes = resident(&status)?;
        facts.start_time_seconds += boot_time(&boot)?;
        facts.max_fds = max_fds(&limits)?;
        facts.open_fds = fs::read_dir("/proc/self/fd").ok()?.count() as f64;
        Some(facts)
    }

    /// The part that stands in `/proc/self/stat`; the start is relative to boot.
    fn of_stat(stat: &str) -> Option<Self> {
        // The name in parentheses may hold blanks: count from the last one that closes it. Field 3 comes first.
        let rest = stat.get(stat.rfind(')')? + 2..)?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |field: usize| -> Option<f64> { fields.get(field - 3)?.parse().ok() };
        Some(Self {
            cpu_seconds: (number(14)? + number(15)?) / TICKS,
            virtual_bytes: number(23)?,
            threads: number(20)?,
            start_time_seconds: number(22)? / TICKS,
            ..Self::default()
        })
    }
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse().ok()
}

fn max_fds(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files"))?;
    match line.split_ascii_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_process_with_blanks_in_its_name() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 7 0 1000 8192000 300 1844 1 1 0";
        let facts = ProcessFacts::of_stat(stat).expect("valid");
        assert_eq!(facts.cpu_seconds, 2.0);
        assert_eq!(facts.threads, 7.0);
        assert_eq!(facts.start_time_seconds, 10.0);
        assert_eq!(facts.virtual_bytes, 8_192_000.0);
    }

    #[test]
    fn says_nothing_about_what_it_cannot_read() {
        assert_eq!(ProcessFacts::of_stat("42 (short) S 1"), None);
        assert_eq!(ProcessFacts::of_stat(""), None);
        assert_eq!(resident("VmRSS: many"), None);
        assert_eq!(max_fds("Max open files  unlimited unlimited files"), Some(f64::INFINITY));
    }

    #[test]
    fn reads_this_process() {
        if !std::path::Path::new("/proc/self/stat").exists() {
            eprintln!("skipped: no /proc on this machine");
            return;
        }
        let facts = ProcessFacts::read().expect("readable");
        assert!(facts.resident_bytes > 0.0 && facts.threads >= 1.0 && facts.open_fds >= 3.0);
        assert!(facts.start_time_seconds > 1.6e9);
    }
}
