#include <array>
#include <utility>

#include "bncheck/case.hpp"
#include "bncheck/error_kind.hpp"
#include "bncheck/expected.hpp"
#include "bncheck/numerics.hpp"

namespace bncheck {
namespace {

template <class E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

template <class E, std::size_t N>
std::string_view find_name(const Names<E, N>& names, E value) {
  for (const auto& [key, name] : names) {
    if (key == value) return name;
  }
  return "?";
}

template <class E, std::size_t N>
std::optional<E> find_value(const Names<E, N>& names, std::string_view wanted) {
  for (const auto& [key, name] : names) {
    if (name == wanted) return key;
  }
  return std::nullopt;
}

constexpr Names<ErrorKind, 12> error_kinds{{{ErrorKind::rank, "rank"},
                                            {ErrorKind::channels, "channels"},
                                            {ErrorKind::length, "length"},
                                            {ErrorKind::eps, "eps"},
                                            {ErrorKind::momentum, "momentum"},
                                            {ErrorKind::one_value, "one_value"},
                                            {ErrorKind::alias, "alias"},
                                            {ErrorKind::counter, "counter"},
                                            {ErrorKind::no_forward, "no_forward"},
                                            {ErrorKind::unsupported, "unsupported"},
                                            {ErrorKind::memory, "memory"},
                                            {ErrorKind::other, "other"}}};

constexpr Names<Overlap, 9> overlaps{{{Overlap::none, "none"},
                                      {Overlap::in_place, "in_place"},
                                      {Overlap::shifted, "shifted"},
                                      {Overlap::y_itself, "y_itself"},
                                      {Overlap::y_and_weight, "y_and_weight"},
                                      {Overlap::y_and_running_mean, "y_and_running_mean"},
                                      {Overlap::y_and_running_var, "y_and_running_var"},
                                      {Overlap::running_mean_and_var, "running_mean_and_var"},
                                      {Overlap::dx_and_x, "dx_and_x"}}};

constexpr Names<Rounding, 4> roundings{{{Rounding::nearest, "nearest"},
                                        {Rounding::down, "down"},
                                        {Rounding::up, "up"},
                                        {Rounding::zero, "zero"}}};

constexpr Names<Output, 10> outputs{{{Output::y, "y"},
                                     {Output::saved_mean, "saved_mean"},
                                     {Output::saved_var, "saved_var"},
                                     {Output::saved_invstd, "saved_invstd"},
                                     {Output::running_mean, "running_mean"},
                                     {Output::running_var, "running_var"},
                                     {Output::running_weight, "running_weight"},
                                     {Output::dx, "dx"},
                                     {Output::dweight, "dweight"},
                                     {Output::dbias, "dbias"}}};

constexpr Names<Claim, 3> claims{
    {{Claim::exact, "exact"}, {Claim::faithful, "faithful"}, {Claim::sound, "sound"}}};

constexpr Names<Summation, 5> summations{{{Summation::naive, "naive"},
                                          {Summation::blocked, "blocked"},
                                          {Summation::welford, "welford"},
                                          {Summation::compensated, "compensated"},
                                          {Summation::wide, "wide"}}};

}  // namespace

std::string_view name_of(ErrorKind kind) {
  return find_name(error_kinds, kind);
}
std::optional<ErrorKind> error_kind_named(std::string_view name) {
  return find_value(error_kinds, name);
}
std::string_view name_of(Overlap overlap) {
  return find_name(overlaps, overlap);
}
std::optional<Overlap> overlap_named(std::string_view name) {
  return find_value(overlaps, name);
}
std::string_view name_of(Rounding rounding) {
  return find_name(roundings, rounding);
}
std::optional<Rounding> rounding_named(std::string_view name) {
  return find_value(roundings, name);
}
std::string_view name_of(Output output) {
  return find_name(outputs, output);
}
std::optional<Output> output_named(std::string_view name) {
  return find_value(outputs, name);
}
Numerics resolved(Numerics numerics, Dtype data) {
  if (numerics.arithmetic == Arithmetic::of_data) {
    numerics.arithmetic = data == Dtype::f64 ? Arithmetic::f64 : Arithmetic::f32;
  }
  return numerics;
}
std::string_view name_of(Claim claim) {
  return find_name(claims, claim);
}
std::string_view name_of(Summation summation) {
  return find_name(summations, summation);
}

std::optional<Tensor> State::* member_of(Output output) {
  if (output == Output::running_mean) return &State::running_mean;
  if (output == Output::running_var) return &State::running_var;
  return output == Output::running_weight ? &State::running_weight : nullptr;
}

bool is_state(Output output) {
  return member_of(output) != nullptr;
}

}  // namespace bncheck
