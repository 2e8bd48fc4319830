//! Orders to end every session of a kind: what they say, as of when, and how
//! they are carried out.

mod carry;
mod end;
mod order;
mod runner;
mod start;
mod terms;

pub(crate) use order::Order;
pub(crate) use runner::Runner;
pub(crate) use start::Preview;
use terms::Terms;
