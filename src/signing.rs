//! Signs and verifies in minisign's format.
