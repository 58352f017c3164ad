//! Words that every floor of the house shares: addresses, ids, timestamps, limits.
