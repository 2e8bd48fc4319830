//! The read models are what the log says, and nothing else.

mod batches;
mod poison;
mod same;
