//! Fetches over HTTP(S); the only file that knows reqwest.
