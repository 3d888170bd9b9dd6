// Two views share an address if Σ i_k·a_k − Σ j_k·b_k = (difference of the bases) has a solution with bounded
// indices. Reversing the indices j makes every coefficient positive:
//   Σ c_k·t_k = D,  0 ≤ t_k ≤ m_k,  c_k > 0,
// a bounded subset-sum problem. It is searched depth first from the largest coefficient. The reach of the
// smaller coefficients and their greatest common divisor prune the search. If both views come from slicing
// and permuting a dense buffer, the terms with smaller coefficients add up to less than about twice a
// coefficient, so only a few of its factors t_k remain possible. Irregular strides can make the search
// exponential, so it stops after `node_limit` nodes and reports an overlap: the call is then rejected
// although it may be harmless.
#include "overlap.hpp"

#include <algorithm>
#include <utility>

namespace bn {
namespace {

using Wide = AddressSet::Wide;

constexpr int node_limit = 1 << 17;  // a few milliseconds

Wide greatest_common_divisor(Wide a, Wide b) {
  while (b != 0) a = std::exchange(b, a % b);
  return a;
}

}  // namespace

AddressSet::AddressSet(TensorView<const float> view)
    : low_(static_cast<Wide>(reinterpret_cast<std::uintptr_t>(view.data) / 4)), empty_(view.numel() == 0) {
  for (std::size_t k = 0; k < static_cast<std::size_t>(view.rank); ++k) {
    if (view.sizes[k] <= 1) continue;
    const Wide last = view.sizes[k] - 1;
    const Wide step = view.strides[k];
    if (step == 0) broadcast_ = true;
    if (step > 0) terms_.push_back({step, last});
    if (step < 0) {
      low_ += step * last;
      terms_.push_back({-step, last});
    }
  }
}

AddressSet::AddressSet(const void* data, std::size_t bytes)
    : low_(static_cast<Wide>(reinterpret_cast<std::uintptr_t>(data) / 4)), empty_(bytes == 0) {
  if (bytes > 4) terms_.push_back({1, static_cast<Wide>(bytes / 4) - 1});
}

Wide AddressSet::high() const {
  Wide address = low_;
  for (const Term& term : terms_) address += term.step * term.last;
  return address;
}

bool AddressSet::reachable(std::vector<Term> terms, Wide target) {
  std::ranges::sort(terms, std::ranges::greater{}, &Term::step);
  // reach[k], divisor[k]: largest sum and greatest common divisor of the terms from k on.
  std::vector<Wide> reach(terms.size() + 1, 0);
  std::vector<Wide> divisor(terms.size() + 1, 0);
  for (std::size_t k = terms.size(); k-- > 0;) {
    reach[k] = reach[k + 1] + terms[k].step * terms[k].last;
    divisor[k] = greatest_common_divisor(divisor[k + 1], terms[k].step);
  }
  int nodes = 0;
  const auto search = [&](const auto& self, std::size_t k, Wide rest) -> bool {
    if (rest < 0 || rest > reach[k]) return false;
    if (rest == 0 || ++nodes > node_limit) return true;
    if (rest % divisor[k] != 0) return false;
    const auto [step, last] = terms[k];
    const Wide most = std::min(last, rest / step);
    const Wide missing = rest - reach[k + 1];
    const Wide least = missing > 0 ? (missing + step - 1) / step : 0;
    for (Wide t = most; t >= least; --t) {
      if (self(self, k + 1, rest - t * step)) return true;
    }
    return false;
  };
  return search(search, 0, target);
}

bool AddressSet::intersects(const AddressSet& other) const {
  if (empty_ || other.empty_ || high() < other.low_ || other.high() < low_) return false;
  std::vector<Term> terms = terms_;
  Wide target = other.low_ - low_;
  for (const Term& term : other.terms_) {
    terms.push_back(term);
    target += term.step * term.last;
  }
  return reachable(std::move(terms), target);
}

bool AddressSet::overlaps_itself() const {
  if (empty_) return false;
  if (broadcast_) return true;
  std::vector<Term> sorted = terms_;
  std::ranges::sort(sorted, std::ranges::greater{}, &Term::step);
  // Two indices with one address differ by d with Σ c_k·d_k = 0, |d_k| ≤ m_k. The first d_k ≠ 0 may be taken
  // positive, d_k = 1 + t with 0 ≤ t ≤ m_k − 1, and the later ones as d_i = t_i − m_i with 0 ≤ t_i ≤ 2·m_i:
  // c_k·t + Σ c_i·t_i = Σ c_i·m_i − c_k.
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    std::vector<Term> terms;
    Wide target = -sorted[k].step;
    if (sorted[k].last > 1) terms.push_back({sorted[k].step, sorted[k].last - 1});
    for (std::size_t i = k + 1; i < sorted.size(); ++i) {
      terms.push_back({sorted[i].step, 2 * sorted[i].last});
      target += sorted[i].step * sorted[i].last;
    }
    if (reachable(std::move(terms), target)) return true;
  }
  return false;
}

}  // namespace bn
