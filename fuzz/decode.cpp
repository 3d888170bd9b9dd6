#include "decode.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "bncheck/walk.hpp"
#include "core/fnv.hpp"
#include "laws/law_support.hpp"
#include "subjects/registry.hpp"

namespace bncheck::fuzz {
namespace {

constexpr std::int64_t most_elements = std::int64_t{1} << 16;
constexpr std::int64_t most_memory = std::int64_t{1} << 18;
constexpr std::size_t most_calls = 16;
constexpr std::int64_t most_features = 4096;
constexpr int most_threads = 8;

class FuzzDraws : public ByteDraws {
 public:
  FuzzDraws(std::span<const std::uint8_t> bytes, int size) : ByteDraws(bytes), size_(size) {}
  int size() const override { return size_; }

 private:
  int size_;
};

/// Whether the number of elements is small, with every empty dimension counted as one, because sizes of
/// buffers and loops may depend on each dimension.
bool small_shape(const Shape& shape) {
  if (shape.size() > 16) return false;
  std::int64_t volume = 1;
  for (const std::int64_t size : shape) {
    if (size > most_elements) return false;
    volume *= std::max<std::int64_t>(size, 1);
    if (volume > most_elements) return false;
  }
  return true;
}

using Accepts = bool (*)(const Tensor&);

bool small_tensor(const Tensor& tensor) {
  return tensor.is_whole() && small_shape(tensor.shape);
}
bool plain_tensor(const Tensor& tensor) {
  return tensor.dtype == Dtype::f32 && small_tensor(tensor);
}

bool all_of_state(const State& state, Accepts accepts) {
  return std::ranges::all_of(state_tensors, [&](const StateTensor& tensor) {
    return !(state.*tensor.member) || accepts(*(state.*tensor.member));
  });
}

bool small_placement(const Placement& placement, const Shape& shape) {
  return fits(placement, shape) && placement.offset <= most_memory &&
         extent_of(placement, shape) <= most_memory;
}

bool accept_call(const Call& call, Accepts accepts) {
  if (call.exec.threads < 0 || call.exec.threads > most_threads) return false;
  if (const Tensor* input = input_of(call)) {
    return accepts(*input) && small_placement(call.exec.x, input->shape) &&
           small_placement(call.exec.y, input->shape);
  }
  if (const auto* load = std::get_if<Load>(&call.operation)) return all_of_state(load->state, accepts);
  return true;
}

bool accept_case(const Case& c, Accepts accepts) {
  return c.calls.size() <= most_calls && c.config.num_features >= -most_features &&
         c.config.num_features <= most_features && all_of_state(c.state, accepts) &&
         std::ranges::all_of(c.calls, [=](const Call& call) { return accept_call(call, accepts); }) &&
         elements_of(c) <= most_elements;
}

/// Whether a layer can load the state: its tensors are vectors, the weight of an averaging by ratio is
/// absent, and without running statistics there is no counter.
bool loadable(const Config& config, const State& state) {
  return all_of_state(state, [](const Tensor& tensor) { return tensor.shape.size() == 1; }) &&
         !state.running_weight && (config.track_running_stats || state.num_batches_tracked == 0);
}

bool is_gradient(const Call& call) {
  return std::holds_alternative<Backward>(call.operation);
}

bool is_over_statistics(Overlap overlap) {
  return overlap == Overlap::y_and_running_mean || overlap == Overlap::y_and_running_var;
}

/// Whether the case needs the functions: overlaps with parameters and statistics are possible only in buffers
/// of the caller.
bool needs_functions(const Case& c) {
  return std::ranges::any_of(c.calls, [](const Call& call) {
    const Overlap overlap = call.exec.overlap;
    return overlap == Overlap::y_and_weight || overlap == Overlap::running_mean_and_var ||
           is_over_statistics(overlap);
  });
}
/// Whether one buffer is given for both statistics, which hides the content of the other. Only training,
/// where that is an error, does not depend on the content.
bool hides_statistics(const Case& c) {
  return std::ranges::any_of(c.calls, [](const Call& call) {
    const auto* forward = std::get_if<Forward>(&call.operation);
    return call.exec.overlap == Overlap::running_mean_and_var && (forward == nullptr || !forward->training);
  });
}

/// Whether there is a backward call with `wanted(call)` for which the contract does, or does not, allow an
/// error of this kind. Precondition: every x and dy is whole.
template <class Wanted>
bool any_gradient(const Case& c, const Wanted& wanted, ErrorKind kind, bool allowed) {
  if (std::ranges::none_of(c.calls, [&](const Call& call) { return is_gradient(call) && wanted(call); })) {
    return false;
  }
  const auto errors = errors_by_call(c, subject_named("bn").can().dialect);
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    const bool has = std::ranges::find(errors[k], kind) != errors[k].end();
    if (is_gradient(c.calls[k]) && wanted(c.calls[k]) && has == allowed) return true;
  }
  return false;
}

/// Whether dx covers memory that the call does not take. A gradient by batch statistics takes no running
/// statistics, so their buffer is unrelated to the call and may be too small for dx.
bool covers_strange_memory(const Case& c) {
  const auto wanted = [](const Call& call) { return is_over_statistics(call.exec.overlap); };
  return any_gradient(c, wanted, ErrorKind::alias, false);
}

/// Whether dx is to cover an x of another rank, whose strides do not fit dx.
bool lacks_strides(const Case& c) {
  std::set<std::size_t> ranks;
  for (const Call& call : c.calls) {
    const Tensor* input = input_of(call);
    if (input == nullptr) continue;
    if (!is_gradient(call)) ranks.insert(input->shape.size());
    if (!is_gradient(call) || call.exec.overlap != Overlap::dx_and_x || ranks.empty()) continue;
    if (ranks != std::set{input->shape.size()}) return true;
  }
  return false;
}

/// Whether a forward call is missing or was in another mode. The functions get x beside dy, and do not depend
/// on a forward call.
bool misses_forward(const Case& c) {
  return any_gradient(c, [](const Call&) { return true; }, ErrorKind::no_forward, true);
}

/// Whether the case needs the layer: the functions hold no momentum and no state, need a counter only where
/// they advance it, and take absent parameters as ones and zeros.
bool needs_layer(const Case& c) {
  const State& state = c.state;
  return state.num_batches_tracked < 0 || state.weight.has_value() != c.config.weight ||
         state.bias.has_value() != c.config.bias ||
         (!c.config.track_running_stats && (state.running_mean || state.running_var)) ||
         std::ranges::any_of(
             c.calls, [](const Call& call) { return input_of(call) == nullptr; }) ||
         misses_forward(c);
}

const Law* law_of(const Family& family, const std::string& name) {
  const auto found = std::ranges::find_if(family.laws, [&](const Law* law) { return law->name == name; });
  return found == family.laws.end() ? nullptr : *found;
}

const Law* pick_law(const Family& family, std::uint64_t choice) {
  return family.laws[static_cast<std::size_t>(choice % family.laws.size())];
}

/// The functions get a quarter of the cases, because they have less code than the layer.
std::string pick_subject(std::uint64_t choice) {
  return choice % 4 == 0 ? "bn_functional" : "bn";
}

/// The law and the subject that the file names; if it names none, they are chosen by its bytes.
Input from_file(const Family& family, CaseFile file, std::uint64_t hash) {
  Input input{law_of(family, file.notes["law"]), file.notes["subject"], std::move(file.content)};
  if (input.law == nullptr) input.law = law_for(family, input.content, subject_named("bn").can().dialect);
  if (input.law == nullptr) input.law = pick_law(family, hash >> 8);
  if (input.subject != "bn" && input.subject != "bn_functional") input.subject = pick_subject(hash >> 32);
  choose_subject(input);
  return input;
}

Input from_draws(const Family& family, std::span<const std::uint8_t> bytes) {
  FuzzDraws draws(bytes, family.case_size);
  Input input{pick_law(family, draws.below(family.laws.size())), pick_subject(draws.below(4)), {}};
  // After its bytes the source is a random stream, so an affordable case comes eventually.
  do {
    input.content = input.law->draw(draws, subject_named(input.subject).can());
  } while (!affordable(input.content));
  choose_subject(input);
  return input;
}

}  // namespace

bool is_small(const Case& c) {
  return accept_case(c, small_tensor);
}

bool affordable(const Case& c) {
  return accept_case(c, plain_tensor) && loadable(c.config, c.state) &&
         !(needs_functions(c) && needs_layer(c)) && !hides_statistics(c) && !covers_strange_memory(c) &&
         !lacks_strides(c) && std::ranges::all_of(c.calls, [&](const Call& call) {
           const auto* load = std::get_if<Load>(&call.operation);
           return load == nullptr || loadable(c.config, load->state);
         });
}

Subject& subject_named(const std::string& name) {
  static std::map<std::string, std::unique_ptr<Subject>> subjects;
  std::unique_ptr<Subject>& subject = subjects[name];
  if (!subject) subject = make_subject(name);
  return *subject;
}

std::optional<CaseFile> parse(std::span<const std::uint8_t> bytes) {
  try {
    return case_from_bytes(std::as_bytes(bytes));
  } catch (const FormatError&) {
    return std::nullopt;
  }
}

void choose_subject(Input& input) {
  if (needs_layer(input.content)) input.subject = "bn";
  if (needs_functions(input.content)) input.subject = "bn_functional";
}

namespace {
/// The input that was written last: an engine runs what the mutator wrote, and mutates it again.
struct Remembered {
  Bytes bytes;
  Input input;
};
Remembered& remembered() {
  static Remembered latest;
  return latest;
}
}  // namespace

Input decode(const Family& family, std::span<const std::uint8_t> bytes) {
  if (!bytes.empty() && std::ranges::equal(bytes, remembered().bytes)) return remembered().input;
  std::optional<CaseFile> file = parse(bytes);
  if (file && affordable(file->content))
    return from_file(family, std::move(*file), Fnv().add(std::as_bytes(bytes)).value());
  return from_draws(family, bytes);
}

Bytes encode(const Input& input) {
  const CaseFile file{input.content, {{"law", input.law->name}, {"subject", input.subject}}};
  const std::vector<std::byte> bytes = write_archive(to_archive(file));
  Bytes result(bytes.size());
  std::ranges::transform(bytes, result.begin(), [](std::byte b) { return static_cast<std::uint8_t>(b); });
  return result;
}

Bytes encode_and_remember(const Input& input) {
  remembered() = {encode(input), input};
  return remembered().bytes;
}

}  // namespace bncheck::fuzz
