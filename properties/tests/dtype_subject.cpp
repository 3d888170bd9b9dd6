#include "dtype_subject.hpp"

#include <cmath>

#include "bncheck/elements.hpp"
#include "bncheck/owed.hpp"
#include "bncheck/walk.hpp"
#include "subjects/variants/real.hpp"

namespace bncheck::test {
namespace {

using variants::Real;

double value_of(Real v) {
  return v.value();
}
double value_of(long double v) {
  return static_cast<double>(v);
}

/// A double rounded towards zero to the dtype.
double truncated(Dtype dtype, double value) {
  const double nearest = rounded_to(dtype, value);
  return std::fabs(nearest) > std::fabs(value) ? next_to(dtype, nearest, value < 0) : nearest;
}

/// T is Real or long double: both have a larger exponent range, so that only the results can overflow.
template <class T>
class Layer {
 public:
  using Numbers = std::vector<T>;

  Layer(const Config& config, State& state, const Forward& forward, DtypeFault fault)
      : config_(config), state_(state), x_(forward.x), fault_(fault) {
    uses_batch_ = forward.training || !config.track_running_stats;
    updates_ = forward.training && config.track_running_stats;
    for (std::size_t k = 2; k < x_.shape.size(); ++k) spatial_ *= x_.shape[k];
    vectors_ = dtype_of_vectors(state, x_.dtype);
    if (values() == 0) return;
    for (std::int64_t c = 0; c < channels(); ++c) moments_.push_back(moments_of(c));
  }

  Values forward() {
    Values values;
    Tensor y = Tensor::zeros(fault_ == DtypeFault::returns_floats ? Dtype::f32 : x_.dtype, x_.shape);
    Tensor mean = Tensor::zeros(vectors_, {channels()});
    Tensor invstd = mean;
    for (std::int64_t c = 0; c < static_cast<std::int64_t>(moments_.size()); ++c) {
      const Moments& m = moments_[static_cast<std::size_t>(c)];
      set_element(mean, c, value_of(m.mean));
      set_element(invstd, c, value_of(invstd_of(m)));
      normalise(c, mean, invstd, y);
      if (updates_) update(c, mean, m);
    }
    if (updates_ && !moments_.empty()) ++state_.num_batches_tracked;
    values.outputs.emplace(Output::y, std::move(y));
    if (uses_batch_ && !moments_.empty()) {
      values.outputs.emplace(Output::saved_mean, std::move(mean));
      values.outputs.emplace(Output::saved_invstd, std::move(invstd));
    }
    return values;
  }

  Values backward(const Backward& call) const {
    Tensor dx = Tensor::zeros(x_.dtype, x_.shape);
    Tensor dweight = Tensor::zeros(vectors_, {channels()});
    Tensor dbias = dweight;
    for (std::int64_t c = 0; c < static_cast<std::int64_t>(moments_.size()); ++c) {
      differentiate(c, call.dy, dx, dweight, dbias);
    }
    Values values;
    if (call.want_dx) values.outputs.emplace(Output::dx, std::move(dx));
    if (call.want_dweight && config_.weight) values.outputs.emplace(Output::dweight, std::move(dweight));
    if (call.want_dbias && config_.bias) values.outputs.emplace(Output::dbias, std::move(dbias));
    return values;
  }

 private:
  struct Moments {
    T mean, variance;
  };

  std::int64_t channels() const { return x_.shape[1]; }
  std::int64_t values() const { return x_.shape[0] * spatial_; }
  std::int64_t place(std::int64_t c, std::int64_t i) const {
    return (i / spatial_ * channels() + c) * spatial_ + i % spatial_;
  }
  Numbers channel(const Tensor& tensor, std::int64_t c) const {
    Numbers numbers;
    for (std::int64_t i = 0; i < values(); ++i) numbers.push_back(T(element(tensor, place(c, i))));
    return numbers;
  }
  static T parameter(const std::optional<Tensor>& tensor, std::int64_t c, double otherwise) {
    return T(tensor ? element(*tensor, c) : otherwise);
  }

  static T pairwise(const Numbers& terms, std::size_t begin, std::size_t count) {
    if (count <= 8) {
      T sum = terms[begin];
      for (std::size_t i = 1; i < count; ++i) sum = sum + terms[begin + i];
      return sum;
    }
    return pairwise(terms, begin, count / 2) + pairwise(terms, begin + count / 2, count - count / 2);
  }
  T sum(const Numbers& terms, bool in_data_dtype = false) const {
    if (!in_data_dtype) return pairwise(terms, 0, terms.size());
    T sum = T(0.0);
    for (const T term : terms) sum = T(rounded_to(x_.dtype, value_of(sum + term)));
    return sum;
  }

  Moments moments_of(std::int64_t c) const {
    if (!uses_batch_) return {parameter(state_.running_mean, c, 0), parameter(state_.running_var, c, 1)};
    const Numbers x = channel(x_, c);
    const T n = T(static_cast<double>(x.size()));
    const T mean = sum(x, fault_ == DtypeFault::sums_in_data_dtype) / n;
    Numbers squares;
    for (const T v : x) squares.push_back((v - mean) * (v - mean));
    return {mean, sum(squares) / n};
  }
  T invstd_of(const Moments& m) const {
    using std::sqrt;
    return T(1.0) / sqrt(m.variance + T(config_.eps));
  }

  void normalise(std::int64_t c, const Tensor& mean, const Tensor& invstd, Tensor& y) const {
    Moments m = moments_[static_cast<std::size_t>(c)];
    T h = invstd_of(m);
    if (fault_ == DtypeFault::statistics_rounded && uses_batch_) {
      m.mean = T(element(mean, c));
      h = T(element(invstd, c));
    }
    const T gamma = parameter(state_.weight, c, 1);
    const T beta = parameter(state_.bias, c, 0);
    for (std::int64_t i = 0; i < values(); ++i) {
      const std::int64_t at = place(c, i);
      double value = value_of(gamma * ((T(element(x_, at)) - m.mean) * h) + beta);
      if (fault_ == DtypeFault::truncates) value = truncated(x_.dtype, value);
      if (fault_ == DtypeFault::narrow_y) value = rounded_to(Dtype::bf16, value);
      set_element(y, at, value);
    }
  }

  void update(std::int64_t c, const Tensor& stored_mean, const Moments& m) {
    const double k = static_cast<double>(state_.num_batches_tracked + 1);
    const double momentum = config_.momentum.value_or(1 / k);
    const T n = T(static_cast<double>(values()));
    const bool rounded = fault_ == DtypeFault::updates_from_rounded;
    const auto blend = [&](Tensor& running, T statistic) {
      const T kept = T(1 - momentum) * T(element(running, c));
      set_element(running, c, value_of(kept + T(momentum) * statistic));
    };
    blend(*state_.running_mean, rounded ? T(element(stored_mean, c)) : m.mean);
    blend(*state_.running_var, m.variance * (n / (n - T(1.0))));
  }

  void differentiate(std::int64_t c, const Tensor& gradient, Tensor& dx, Tensor& dweight,
                     Tensor& dbias) const {
    const Moments& m = moments_[static_cast<std::size_t>(c)];
    const T h = invstd_of(m);
    const T gamma = parameter(state_.weight, c, 1);
    const T n = T(static_cast<double>(values()));
    const Numbers dy = channel(gradient, c);
    Numbers normal = channel(x_, c);
    Numbers products;
    for (std::size_t i = 0; i < normal.size(); ++i) {
      normal[i] = (normal[i] - m.mean) * h;
      products.push_back(dy[i] * normal[i]);
    }
    const bool narrow = fault_ == DtypeFault::gradient_sums_in_data_dtype;
    const T total = sum(dy, narrow);
    const T dot = sum(products, narrow);
    set_element(dweight, c, value_of(dot));
    set_element(dbias, c, value_of(total));
    for (std::size_t i = 0; i < dy.size(); ++i) {
      const T g = uses_batch_ ? dy[i] - total / n - normal[i] * (dot / n) : dy[i];
      double value = value_of(g * (gamma * h));
      if (fault_ == DtypeFault::narrow_dx) value = rounded_to(Dtype::bf16, value);
      set_element(dx, place(c, static_cast<std::int64_t>(i)), value);
    }
  }

  const Config& config_;
  State& state_;
  const Tensor& x_;
  DtypeFault fault_;
  bool uses_batch_ = true, updates_ = false;
  std::int64_t spatial_ = 1;
  Dtype vectors_ = Dtype::f32;
  std::vector<Moments> moments_;
};

class DtypeSubject : public Subject {
 public:
  DtypeSubject(std::vector<DtypePair> dtypes, DtypeFault fault) : fault_(fault) {
    can_.dtypes = std::move(dtypes);
    can_.strided = can_.in_place = can_.caller_output = can_.threads = can_.any_environment = false;
    can_.non_finite_rule = false;
  }
  std::string name() const override { return "dtypes"; }
  std::string version() const override { return "1"; }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    Outcome outcome;
    for (Walk walk(c, can_.dialect); !walk.done(); walk.advance(outcome.replies.back().state)) {
      State state = walk.before();
      if (!walk.errors().empty()) {
        outcome.replies.push_back({Failure{walk.errors().front(), "refused", false}, state});
        continue;
      }
      const Operation& operation = walk.call().operation;
      Values values;
      if (const auto* forward = std::get_if<Forward>(&operation)) {
        const auto answer = [](auto& layer) { return layer.forward(); };
        values = run_in(*forward, answer, walk.config(), state);
      } else if (const auto* backward = std::get_if<Backward>(&operation)) {
        const auto answer = [&](auto& layer) { return layer.backward(*backward); };
        values = run_in(*walk.latest(), answer, walk.config(), state);
      } else if (const auto* load = std::get_if<Load>(&operation)) {
        state = load->state;
      }
      outcome.replies.push_back({std::move(values), state});
    }
    return outcome;
  }

 private:
  template <class Use>
  Values run_in(const Forward& forward, const Use& use, const Config& config, State& state) const {
    if (forward.x.dtype == Dtype::f64 && fault_ != DtypeFault::narrow_arithmetic) {
      Layer<long double> layer(config, state, forward, fault_);
      return use(layer);
    }
    Layer<Real> layer(config, state, forward, fault_);
    return use(layer);
  }

  Capabilities can_;
  DtypeFault fault_;
};

}  // namespace

const std::vector<DtypeFault>& dtype_faults() {
  static const std::vector<DtypeFault> all{
      DtypeFault::sums_in_data_dtype,          DtypeFault::truncates, DtypeFault::statistics_rounded,
      DtypeFault::updates_from_rounded,        DtypeFault::narrow_y,  DtypeFault::narrow_arithmetic,
      DtypeFault::gradient_sums_in_data_dtype, DtypeFault::narrow_dx, DtypeFault::returns_floats};
  return all;
}

std::string name_of(DtypeFault fault) {
  switch (fault) {
    case DtypeFault::none:
      return "none";
    case DtypeFault::sums_in_data_dtype:
      return "sums_in_data_dtype";
    case DtypeFault::truncates:
      return "truncates";
    case DtypeFault::statistics_rounded:
      return "statistics_rounded";
    case DtypeFault::updates_from_rounded:
      return "updates_from_rounded";
    case DtypeFault::narrow_y:
      return "narrow_y";
    case DtypeFault::narrow_arithmetic:
      return "narrow_arithmetic";
    case DtypeFault::gradient_sums_in_data_dtype:
      return "gradient_sums_in_data_dtype";
    case DtypeFault::narrow_dx:
      return "narrow_dx";
    case DtypeFault::returns_floats:
      break;
  }
  return "returns_floats";
}

bool shows_in(DtypeFault fault, Dtype data) {
  switch (fault) {
    case DtypeFault::narrow_y:
    case DtypeFault::narrow_dx:
      return data != Dtype::bf16;
    case DtypeFault::narrow_arithmetic:
      return data == Dtype::f64;
    default:
      // An arithmetic wider than float64 that is sometimes rounded to float64 is still sound.
      return data != Dtype::f64 || fault == DtypeFault::returns_floats;
  }
}

std::unique_ptr<Subject> make_dtype_subject(std::vector<DtypePair> dtypes, DtypeFault fault) {
  return std::make_unique<DtypeSubject>(std::move(dtypes), fault);
}

}  // namespace bncheck::test
