//! Decides which tagged commits of a history are nearest; pure.
