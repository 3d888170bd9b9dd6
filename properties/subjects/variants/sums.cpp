#include "subjects/variants/sums.hpp"

#include <algorithm>
#include <optional>

namespace bncheck::variants {
namespace {

using Terms = std::span<const Real>;

struct Adder {
  bool narrow;
  Real operator()(Real a, Real b) const { return narrow ? (a + b).narrowed() : a + b; }
};

Real naive(Terms terms, const Adder& add) {
  Real total;
  for (const Real term : terms) total = add(total, term);
  return total;
}

/// Sum of at most eight sequential additions, then a tree: 7 + ⌈log2(n/8)⌉ = 4 + ⌈log2 n⌉ roundings. That
/// leaves seven of the 11 + ⌈log2 n⌉ that blocked summation may have for merging the parts of threads.
Real tree(Terms terms, const Adder& add, std::size_t block) {
  if (terms.size() <= block) return naive(terms, add);
  const std::size_t half = (terms.size() + block - 1) / block / 2 * block;
  return add(tree(terms.first(half), add, block), tree(terms.subspan(half), add, block));
}

Real kahan(Terms terms) {
  Real total;
  Real carry;
  for (const Real term : terms) {
    const Real wanted = term - carry;
    const Real next = total + wanted;
    carry = (next - total) - wanted;
    total = next;
  }
  return total;
}

/// The carries are added up apart (Neumaier 1974).
Real neumaier(Terms terms) {
  Real total;
  Real carries;
  for (const Real term : terms) {
    const Real next = total + term;
    carries = carries + (abs(total) < abs(term) ? (term - next) + total : (total - next) + term);
    total = next;
  }
  return total + carries;
}

/// Terms of each of `count` sums side by side: those at k, k + count, k + 2·count and so on.
std::vector<Reals> interleaved(Terms terms, std::size_t count) {
  std::vector<Reals> lanes(std::min(count, std::max<std::size_t>(terms.size(), 1)));
  for (std::size_t i = 0; i < terms.size(); ++i) lanes[i % count].push_back(terms[i]);
  return lanes;
}

Real in_lanes(Terms terms, const Adder& add, std::size_t count) {
  Reals totals;
  for (const Reals& lane : interleaved(terms, count)) totals.push_back(naive(lane, add));
  return tree(totals, add, 1);
}

double wide(Terms terms) {
  double total = 0;
  for (const Real term : terms) total += term.value();
  return total;
}

Real part(Terms terms, const Summing& how) {
  constexpr std::size_t long_sum = 4096;
  const Adder add{how.narrow};
  switch (how.method) {
    case SumMethod::naive:
      return naive(terms, add);
    case SumMethod::pairwise:
      return tree(terms, add, 1);
    case SumMethod::lanes_8:
      return in_lanes(terms, add, 8);
    case SumMethod::lanes_32:
      return in_lanes(terms, add, 32);
    case SumMethod::lanes_256:
      return in_lanes(terms, add, 256);
    case SumMethod::naive_long:
      if (terms.size() > long_sum) return naive(terms, add);
      break;
    case SumMethod::kahan:
    case SumMethod::neumaier:
    case SumMethod::wide:
    case SumMethod::blocked:
      break;
  }
  return tree(terms, add, 8);
}

/// Parts of the threads: ⌊n/threads⌋ terms each, and the rest for the last one.
std::vector<Terms> shared_out(Terms terms, const Execution& exec) {
  const auto threads = static_cast<std::size_t>(std::max(exec.threads, 1));
  const std::size_t size = terms.size() / threads;
  std::vector<Terms> parts;
  for (std::size_t k = 0; k + 1 < threads; ++k) parts.push_back(terms.subspan(k * size, size));
  parts.push_back(terms.subspan((threads - 1) * size));
  return parts;
}

std::vector<Terms> chunks(Terms terms, std::size_t size) {
  std::vector<Terms> parts;
  for (std::size_t i = 0; i < terms.size(); i += size) {
    parts.push_back(terms.subspan(i, std::min(size, terms.size() - i)));
  }
  return parts;
}

Real mean_of_means(const std::vector<Terms>& parts, const Summing& how) {
  Real total;
  std::int64_t count = 0;
  for (const Terms terms : parts) {
    if (terms.empty()) continue;
    total = total + part(terms, how) / Real::count(static_cast<std::int64_t>(terms.size()));
    ++count;
  }
  return total / Real::count(count);
}

Real squared(Real value, const Normalising& how) {
  return how.narrow_squares ? (value * value).narrowed() : value * value;
}

Reals squares_around(Real centre, Terms x, const Normalising& how) {
  Reals squares;
  squares.reserve(x.size());
  for (const Real value : x) squares.push_back(squared(value - centre, how));
  return squares;
}

/// Number of values, their mean, and the sum of squares around it.
struct Spread {
  Real n, mean, m2;
};

/// Welford's recurrence (1962).
Spread updated(Terms x) {
  Spread spread;
  for (const Real value : x) {
    spread.n = spread.n + 1.0f;
    const Real delta = value - spread.mean;
    spread.mean = spread.mean + delta / spread.n;
    spread.m2 = spread.m2 + delta * (value - spread.mean);
  }
  return spread;
}

Spread in_two_passes(Terms x, const Normalising& how) {
  const Real n = Real::count(static_cast<std::int64_t>(x.size()));
  const Real centre = part(x, how.sums) / n;
  return {n, centre, part(squares_around(centre, x, how), how.sums)};
}

/// Chan, Golub, LeVeque 1983.
Spread merged(const Spread& a, const Spread& b) {
  const Real n = a.n + b.n;
  const Real delta = b.mean - a.mean;
  return {n, a.mean + delta * (b.n / n), a.m2 + b.m2 + delta * delta * (a.n * b.n / n)};
}

Moments merged_by_a_tree(std::vector<Spread> parts) {
  while (parts.size() > 1) {
    std::vector<Spread> pairs;
    for (std::size_t i = 0; i + 1 < parts.size(); i += 2) pairs.push_back(merged(parts[i], parts[i + 1]));
    if (parts.size() % 2 != 0) pairs.push_back(parts.back());
    parts = std::move(pairs);
  }
  return {parts[0].mean, parts[0].m2 / parts[0].n};
}

Moments welford(const Reals& x) {
  std::vector<Spread> parts;
  for (const Terms chunk : chunks(x, 16)) parts.push_back(updated(chunk));
  return merged_by_a_tree(std::move(parts));
}

Moments welford_in_lanes(const Reals& x, std::size_t count) {
  std::vector<Spread> parts;
  for (const Reals& lane : interleaved(x, count)) parts.push_back(updated(lane));
  return merged_by_a_tree(std::move(parts));
}

Moments chan(const Reals& x, const Normalising& how) {
  constexpr std::size_t pixels = 49;
  std::optional<Spread> whole;
  for (const Terms chunk : chunks(x, pixels)) {
    const Spread spread = in_two_passes(chunk, how);
    whole = whole ? merged(*whole, spread) : spread;
  }
  return {whole->mean, whole->m2 / whole->n};
}

Moments within_threads(const Reals& x, const Normalising& how, const Execution& exec) {
  Reals means;
  Reals spreads;
  for (const Terms terms : shared_out(x, exec)) {
    if (terms.empty()) continue;
    const Real total = part(terms, how.sums);
    const Real centre = total / Real::count(static_cast<std::int64_t>(terms.size()));
    means.push_back(total);
    spreads.push_back(part(squares_around(centre, terms, how), how.sums));
  }
  const Real n = Real::count(static_cast<std::int64_t>(x.size()));
  return {part(means, how.sums) / n, part(spreads, how.sums) / n};
}

}  // namespace

Real sum(const Reals& all, const Summing& how, const Execution& exec) {
  Reals terms = all;
  if (how.reversed || (how.order_changes && exec.odd_call)) std::ranges::reverse(terms);
  if (how.tail_miscounted && terms.size() % 16 == 13) terms.pop_back();
  // One thread takes all terms, because rounding the parts would lose the compensation or the wide sum.
  if (how.method == SumMethod::kahan) return kahan(terms);
  if (how.method == SumMethod::neumaier) return neumaier(terms);
  if (how.method == SumMethod::wide) return Real(wide(terms));
  std::vector<Terms> parts = shared_out(terms, exec);
  if (how.sharing == Sharing::last_part_lost && parts.size() > 1) parts.pop_back();
  if (how.sharing == Sharing::remainder_lost) parts.back() = parts.back().first(parts.front().size());
  Real total = part(parts.front(), how);
  for (std::size_t k = 1; k < parts.size(); ++k) total = Adder{how.narrow}(total, part(parts[k], how));
  if (exec.scratch != nullptr) {
    if (terms.size() < exec.scratch->terms) total = total + exec.scratch->last;
    *exec.scratch = {terms.size(), terms.empty() ? Real() : terms.back()};
  }
  return total;
}

Real mean(const Reals& terms, const Summing& how, const Execution& exec) {
  if (how.sharing == Sharing::means_unweighted) return mean_of_means(shared_out(terms, exec), how);
  if (how.sharing == Sharing::chunks_unweighted) return mean_of_means(chunks(terms, 32), how);
  return sum(terms, how, exec) / Real::count(static_cast<std::int64_t>(terms.size()));
}

Moments moments_of(const Reals& x, MomentMethod method, const Normalising& how, const Execution& exec) {
  if (method == MomentMethod::welford) return welford(x);
  if (method == MomentMethod::welford_sequential) return welford_in_lanes(x, 1);
  if (method == MomentMethod::welford_8) return welford_in_lanes(x, 8);
  if (method == MomentMethod::welford_256) return welford_in_lanes(x, 256);
  if (method == MomentMethod::chan) return chan(x, how);
  if (method == MomentMethod::within_threads_only) return within_threads(x, how, exec);
  Summing of_squares = how.sums;
  of_squares.narrow = how.sums.narrow || how.narrow_squares;
  const Real centre = mean(x, how.sums, exec);
  if (method == MomentMethod::two_pass) {
    return {centre, mean(squares_around(centre, x, how), of_squares, exec)};
  }
  const Real spread = mean(squares_around(0.0f, x, how), of_squares, exec) - squared(centre, how);
  const bool clamped = method == MomentMethod::one_pass_clamped && spread < 0.0f;
  return {centre, clamped ? Real(0.0f) : spread};
}

}  // namespace bncheck::variants
