//! Quantiles, and the passing of time.

use std::time::Duration;

/// The value that a share of the values does not exceed.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

/// The mean.
pub fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// The median.
pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// A time in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The median and the 99th percentile as text.
pub fn percentiles(values: &mut [f64]) -> String {
    let (half, most) = (median(values), quantile(values, 0.99));
    format!("p50 {half:.2} ms, p99 {most:.2} ms")
}

/// Lets time go by. A measurement, unlike a test, waits for nothing else.
pub async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}
