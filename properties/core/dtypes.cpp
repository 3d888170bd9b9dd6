#include "core/dtypes.hpp"

#include <algorithm>
#include <set>

#include "bncheck/owed.hpp"

namespace bncheck {
namespace {

std::string_view short_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return "f64";
    case Dtype::f16:
      return "f16";
    case Dtype::bf16:
      return "bf16";
    case Dtype::f32:
      break;
  }
  return "f32";
}

std::optional<Dtype> short_named(std::string_view name) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16}) {
    if (short_name(dtype) == name) return dtype;
  }
  return std::nullopt;
}

struct Dtypes {
  std::set<Dtype> data, vectors;
};

void add_state(const State& state, std::set<Dtype>& vectors) {
  for (const auto& [name, member] : state_tensors) {
    if (state.*member) vectors.insert((state.*member)->dtype);
  }
}

Dtypes dtypes_of(const Case& c) {
  Dtypes found;
  add_state(c.state, found.vectors);
  for (const Call& call : c.calls) {
    if (const Tensor* input = input_of(call)) found.data.insert(input->dtype);
    if (const auto* load = std::get_if<Load>(&call.operation)) add_state(load->state, found.vectors);
  }
  return found;
}

std::string listed(const std::set<Dtype>& dtypes) {
  std::string text;
  for (const Dtype dtype : dtypes) text.append(text.empty() ? "" : "/").append(short_name(dtype));
  return text;
}

}  // namespace

std::string to_string(const DtypePair& pair) {
  std::string text(short_name(pair.data));
  if (pair.vectors != pair.data) text.append("+").append(short_name(pair.vectors));
  return text;
}

std::optional<DtypePair> dtype_pair_named(std::string_view text) {
  const std::size_t plus = text.find('+');
  const std::optional<Dtype> data = short_named(text.substr(0, plus));
  const std::optional<Dtype> vectors =
      plus == std::string_view::npos ? data : short_named(text.substr(plus + 1));
  if (!data || !vectors) return std::nullopt;
  return DtypePair{*data, *vectors};
}

DtypePair dtypes_in(const Case& c) {
  std::optional<Dtype> data;
  for (auto call = c.calls.rbegin(); call != c.calls.rend(); ++call) {
    if (const auto* forward = std::get_if<Forward>(&call->operation)) data = forward->x.dtype;
    if (const auto* backward = std::get_if<Backward>(&call->operation)) data = backward->dy.dtype;
  }
  const Dtype any = data.value_or(dtype_of_vectors(c.state, Dtype::f32));
  return {any, dtype_of_vectors(c.state, any)};
}

std::string refused_dtypes(const Case& c, const std::vector<DtypePair>& taken) {
  const Dtypes found = dtypes_of(c);
  const auto all_are = [](const std::set<Dtype>& dtypes, Dtype dtype) {
    return std::ranges::all_of(dtypes, [=](Dtype one) { return one == dtype; });
  };
  const bool accepted = std::ranges::any_of(taken, [&](const DtypePair& pair) {
    const bool plain = !found.vectors.empty() || found.data.empty() || pair.data == pair.vectors;
    return plain && all_are(found.data, pair.data) && all_are(found.vectors, pair.vectors);
  });
  if (accepted) return "";
  std::string text = "dtypes " + listed(found.data);
  if (!found.vectors.empty() && found.vectors != found.data) text += "+" + listed(found.vectors);
  text += ", the subject takes ";
  for (const DtypePair& pair : taken) text += (&pair == taken.data() ? "" : ", ") + to_string(pair);
  return text;
}

bool takes_float32(const std::vector<DtypePair>& taken) {
  return std::ranges::find(taken, DtypePair{}) != taken.end();
}

}  // namespace bncheck
