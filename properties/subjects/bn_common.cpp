#include "subjects/bn_common.hpp"

namespace bncheck {

/// Capabilities of both adapters. The shipped BatchNorm computes in double, sums included, and rounds once at
/// the end.
Capabilities bn_capabilities() {
  Capabilities can;
  can.dialect = *dialect_named("pytorch");
  can.numerics.claim = Claim::sound;
  can.numerics.summation = Summation::wide;
  can.numerics.range = Range::wide;
  can.numerics.thread_invariant = true;
  can.numerics.layout_invariant = true;
  can.canonical_bits = true;
  return can;
}

ErrorKind kind_of(bn::ErrorKind kind) {
  switch (kind) {
    case bn::ErrorKind::rank:
      return ErrorKind::rank;
    case bn::ErrorKind::channels:
      return ErrorKind::channels;
    case bn::ErrorKind::length:
      return ErrorKind::length;
    case bn::ErrorKind::eps:
      return ErrorKind::eps;
    case bn::ErrorKind::momentum:
      return ErrorKind::momentum;
    case bn::ErrorKind::one_value:
      return ErrorKind::one_value;
    case bn::ErrorKind::alias:
      return ErrorKind::alias;
    case bn::ErrorKind::counter:
      return ErrorKind::counter;
    case bn::ErrorKind::no_forward:
      return ErrorKind::no_forward;
  }
  return ErrorKind::other;
}

Failure failure_of(const bn::Error& error) {
  return {kind_of(error.kind()), error.what(), false};
}

bn::Options bn_options(const Config& config) {
  return {static_cast<bn::Dimensions>(config.dimensions), config.num_features, config.eps, config.momentum};
}

}  // namespace bncheck
