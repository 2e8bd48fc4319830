//! Being told to stop.

use tokio::signal::unix::{SignalKind, signal as listen};

/// Until SIGINT, SIGTERM or SIGHUP.
pub async fn signal() {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let mut signals: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| listen(kind).ok())
        .collect();
    let any = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures_util::future::select_all(any).await;
}
