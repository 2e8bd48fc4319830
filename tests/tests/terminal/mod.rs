//! The console as it is: the program itself on a pseudo terminal, over a real
//! service. What is looked at is the screen as a terminal would show it, and
//! every byte that was written to it.

mod ab_72;
mod bytes;
mod cleanness;
mod console;
mod laggard;
mod pty;
mod story;
mod unarmed;
