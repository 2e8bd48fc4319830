//! A line between two ends that can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to an address.
pub(super) struct Line {
    pub(super) address: SocketAddr,
    is_cut: watch::Sender<bool>,
}

impl Line {
    pub(super) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (is_cut, state) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, target, state.clone()));
            }
        });
        Self { address, is_cut }
    }

    /// Nothing passes any more. What is connected stays so, as when a cable is
    /// pulled, and new connections are not answered.
    pub(super) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Something passes again, on new connections.
    pub(super) fn mend(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn pass(mut stream: TcpStream, target: SocketAddr, mut is_cut: watch::Receiver<bool>) {
    if is_cut.wait_for(|cut| !cut).await.is_err() {
        return;
    }
    let Ok(mut other) = TcpStream::connect(target).await else {
        return;
    };
    tokio::select! {
        _ = copy_bidirectional(&mut stream, &mut other) => return,
        cut = is_cut.wait_for(|cut| *cut) => if cut.is_err() { return },
    }
    // Held open and silent until the line is mended; then both ends see it end.
    let _ = is_cut.wait_for(|cut| !cut).await;
}
