//! What the machine is and what it was doing, from Linux's /proc.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Instant;

use crate::Outcome;
use crate::statistics::{millis, quantile};

/// Clock ticks a second in /proc; the same on every Linux.
const TICKS_A_SECOND: f64 = 100.0;

pub fn cores() -> usize {
    available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The three load averages.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The model of the processor.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    model
        .map_or("unknown", |model| model.trim_matches(['\t', ':', ' ']))
        .to_owned()
}

/// How long 200 appends of 400 bytes take to reach the disk, each: median and
/// 99th percentile in milliseconds.
pub fn sync_latency(folder: &Path) -> Outcome<(f64, f64)> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(200);
    for _ in 0..200 {
        file.write_all(&[b'x'; 400])?;
        let start = Instant::now();
        file.sync_data()?;
        times.push(millis(start.elapsed()));
    }
    fs::remove_file(path)?;
    Ok((quantile(&mut times, 0.5), quantile(&mut times, 0.99)))
}

/// The resident memory of a process in MB.
pub fn resident_mb(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() * 1024.0 / 1e6
}

/// The processor time of this thread so far, in seconds. Yielding makes the
/// scheduler bring its books up to date.
pub fn thread_seconds() -> Outcome<f64> {
    std::thread::yield_now();
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: u64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanos as f64 / 1e9)
}

/// Processes whose share of the processors is told.
#[derive(Clone)]
pub struct Meter(pub Vec<(&'static str, u32)>);

/// The state of a [`Meter`] at a moment.
pub struct Reading {
    at: Instant,
    seconds: Vec<f64>,
    busy: f64,
}

impl Meter {
    pub fn read(&self) -> Reading {
        let seconds = self.0.iter().map(|(_, pid)| seconds_of(*pid)).collect();
        Reading {
            at: Instant::now(),
            seconds,
            busy: busy_seconds(),
        }
    }

    /// How many cores the processes kept busy between two readings.
    pub fn cores_used(from: &Reading, to: &Reading) -> f64 {
        let used = to.seconds.iter().sum::<f64>() - from.seconds.iter().sum::<f64>();
        used / (to.at - from.at).as_secs_f64()
    }

    /// The share of all cores that others used between two readings.
    pub fn others(from: &Reading, to: &Reading) -> f64 {
        let busy = (to.busy - from.busy) / (to.at - from.at).as_secs_f64();
        (busy - Self::cores_used(from, to)).max(0.0) / cores() as f64
    }

    /// Who used how much of all cores between two readings.
    pub fn shares(&self, from: &Reading, to: &Reading) -> String {
        let all = (to.at - from.at).as_secs_f64() * cores() as f64;
        let mut others = to.busy - from.busy;
        let mut parts = Vec::new();
        let used = to
            .seconds
            .iter()
            .zip(&from.seconds)
            .map(|(to, from)| to - from);
        for ((name, _), used) in self.0.iter().zip(used) {
            others -= used;
            parts.push(format!("{name} {:.0} %", used / all * 100.0));
        }
        let (others, busy) = (others.max(0.0) / all, (to.busy - from.busy) / all);
        format!(
            "processor time, of {} cores: {}, others {:.0} %; busy {:.0} %",
            cores(),
            parts.join(", "),
            others * 100.0,
            busy * 100.0
        )
    }
}

/// The processor time of a process, and of its children if nobody else's
/// meter has them: Postgres is a family, and we are the parents of everybody.
fn seconds_of(pid: u32) -> f64 {
    let own = stat(pid).map_or(0.0, |(_, seconds)| seconds);
    if pid == std::process::id() {
        return own;
    }
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children = pids.filter_map(stat).filter(|(parent, _)| *parent == pid);
    own + children.map(|(_, seconds)| seconds).sum::<f64>()
}

/// A process's parent, and its own processor time.
fn stat(pid: u32) -> Option<(u32, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything; the fields follow its closing parenthesis.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields
        .get(11..15)?
        .iter()
        .filter_map(|field| field.parse::<f64>().ok());
    Some((
        fields.get(1)?.parse().ok()?,
        ticks.sum::<f64>() / TICKS_A_SECOND,
    ))
}

/// What all processors have worked since the machine started.
fn busy_seconds() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let fields = first.split_whitespace().skip(1).take(8);
    let ticks: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    (ticks.iter().sum::<f64>() - idle) / TICKS_A_SECOND
}
