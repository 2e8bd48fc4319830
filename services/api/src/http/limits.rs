//! The numbers that bound a connection, a request and the whole.

use std::time::Duration;

/// What one client, and all of them together, may take.
///
/// Tests lower the defaults, so that nothing waits for ten seconds.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections served at the same time.
    pub connections_max: usize,
    /// How long a burst beyond that waits in the listen queue for a place. A
    /// jam that lasts longer is answered at once: 503 and closed.
    pub connection_wait: Duration,
    /// When places run out, connections that have been idle for this long are
    /// closed to make room.
    pub evict_idle_after: Duration,
    /// From the first byte of a request (or from the start of the connection)
    /// until its head and its body are complete.
    pub request_timeout: Duration,
    /// How long a connection without a request is kept.
    pub idle_timeout: Duration,
    /// How long a client may take in nothing of an answer.
    pub stall_timeout: Duration,
    /// How long a stopping server waits for requests in flight.
    pub drain_timeout: Duration,
    /// Bytes of the request line and header fields together; at least 8,192
    /// (hyper's own floor). HTTP/2 counts 32 more for each field (RFC 9113
    /// section 6.5.2).
    pub head_bytes_max: usize,
    /// Bytes of one request body, announced or not.
    pub body_bytes_max: usize,
    /// Bytes of all request bodies that are held at the same time.
    pub bodies_bytes_max: usize,
    /// How deep a JSON body may nest.
    pub json_depth_max: usize,
    /// Streams of one HTTP/2 connection at the same time.
    pub streams_max: u32,
    /// Requests of one connection that may be given up by the client before
    /// they were answered, beyond as many as were answered. An HTTP/2 client
    /// that opens and resets streams is closed after this many
    /// (CVE-2023-44487).
    pub aborts_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 2_048,
            connection_wait: Duration::from_secs(1),
            evict_idle_after: Duration::from_secs(1),
            request_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            head_bytes_max: 16 * 1024,
            body_bytes_max: 64 * 1024,
            bodies_bytes_max: 64 * 1024 * 1024,
            json_depth_max: 32,
            streams_max: 64,
            aborts_max: 200,
        }
    }
}
