//! The read models are what the log says, and nothing else.

mod poison;
mod same;
