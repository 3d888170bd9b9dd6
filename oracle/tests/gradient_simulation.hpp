#pragma once
/// Gradients of a layer of one channel in float32, as they are commonly written, and the dy that they are
/// tested with.

#include "simulation.hpp"

namespace bncheck::simulation {

template <class T>
using SumOf = T (*)(const ValuesOf<T>&);
using Sum = SumOf<float>;

/// Inputs of a backward pass: given, or computed from x.
template <class T>
struct LayerOf {
  const ValuesOf<T>& x;
  const ValuesOf<T>& dy;
  T mean, variance, gamma, eps;

  T n() const { return static_cast<T>(x.size()); }
  T deviation() const { return std::sqrt(variance + eps); }
  T invstd() const { return 1 / deviation(); }
  T centred(std::size_t i) const { return x[i] - mean; }
  T normal(std::size_t i) const { return centred(i) * invstd(); }
  template <class Term>
  T sum(SumOf<T> add, const Term& term) const {
    ValuesOf<T> terms;
    for (std::size_t i = 0; i < x.size(); ++i) terms.push_back(term(i));
    return add(terms);
  }
  template <class Term>
  ValuesOf<T> each(const Term& term) const {
    ValuesOf<T> values;
    for (std::size_t i = 0; i < x.size(); ++i) values.push_back(term(i));
    return values;
  }
};
using Layer = LayerOf<float>;

template <class T>
struct GradientsOf {
  ValuesOf<T> dx;
  T dweight, dbias;
};
using Gradients = GradientsOf<float>;

template <class T>
struct FormulaOf {
  const char* name;
  GradientsOf<T> (*apply)(const LayerOf<T>&, SumOf<T>);
};
using Formula = FormulaOf<float>;

// ---- training

/// (dy − mean(dy) − (x − μ)·k)·h·γ with h = invstd and k = Σdy·(x − μ)·h²/n.
template <class T>
GradientsOf<T> with_k(const LayerOf<T>& l, SumOf<T> add) {
  const T dot = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.centred(i); });
  const T total = add(l.dy);
  const T h = l.invstd();
  const T k = dot * h * h / l.n();
  const T mean_dy = total / l.n();
  return {l.each([&](std::size_t i) { return (l.dy[i] - mean_dy - l.centred(i) * k) * h * l.gamma; }),
          dot * h, total};
}

/// The same, with γ·h multiplied first and both means taken by a product with 1/n.
template <class T>
GradientsOf<T> with_scales(const LayerOf<T>& l, SumOf<T> add) {
  const T dot = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.centred(i); });
  const T total = add(l.dy);
  const T h = l.invstd();
  const T norm = 1 / l.n();
  const T mean_dy = total * norm;
  const T projection_scale = dot * norm * h * h;
  const T gradient_scale = h * l.gamma;
  return {l.each([&](std::size_t i) {
            return (l.dy[i] - l.centred(i) * projection_scale - mean_dy) * gradient_scale;
          }),
          dot * h, total};
}

/// γ·h/n·(n·dy − Σdy − x̂·Σdy·x̂), as papers print it.
template <class T>
GradientsOf<T> of_the_papers(const LayerOf<T>& l, SumOf<T> add) {
  const T dweight = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.normal(i); });
  const T dbias = add(l.dy);
  const T factor = l.gamma * l.invstd() / l.n();
  return {l.each([&](std::size_t i) { return factor * (l.n() * l.dy[i] - dbias - l.normal(i) * dweight); }),
          dweight, dbias};
}

/// Gradients of the mean and of the variance first, with γ in all of them and V^(−3/2) by pow.
template <class T>
GradientsOf<T> three_deltas(const LayerOf<T>& l, SumOf<T> add) {
  const ValuesOf<T> delta = l.each([&](std::size_t i) { return l.dy[i] * l.gamma; });
  const T v = l.variance + l.eps;
  const T mean_delta = add(delta) * (-1 / std::sqrt(v));
  const T dot = l.sum(add, [&](std::size_t i) { return delta[i] * l.centred(i); });
  const T variance_delta = dot * (T(-0.5) * std::pow(v, T(-1.5)));
  return {l.each([&](std::size_t i) {
            return delta[i] * (1 / std::sqrt(v)) + variance_delta * 2 * l.centred(i) / l.n() +
                   mean_delta / l.n();
          }),
          l.sum(add, [&](std::size_t i) { return l.dy[i] * l.normal(i); }), add(l.dy)};
}

/// h·(dx̂ − mean(dx̂) − x̂·mean(dx̂·x̂)) with dx̂ = γ·dy: the result of automatic differentiation.
template <class T>
GradientsOf<T> gamma_first(const LayerOf<T>& l, SumOf<T> add) {
  const ValuesOf<T> d = l.each([&](std::size_t i) { return l.gamma * l.dy[i]; });
  const T mean_d = add(d) / l.n();
  const T mean_dot = l.sum(add, [&](std::size_t i) { return d[i] * l.normal(i); }) / l.n();
  return {l.each([&](std::size_t i) { return (d[i] - mean_d - l.normal(i) * mean_dot) / l.deviation(); }),
          l.sum(add, [&](std::size_t i) { return l.dy[i] * l.normal(i); }), add(l.dy)};
}

template <class T>
GradientsOf<T> fused(const LayerOf<T>& l, SumOf<T> add) {
  const T dweight = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.normal(i); });
  const T dbias = add(l.dy);
  const T t = dweight / l.n();
  const T mean_dy = dbias / l.n();
  const T factor = l.gamma * l.invstd();
  return {l.each([&](std::size_t i) { return factor * std::fma(-l.normal(i), t, l.dy[i] - mean_dy); }),
          dweight, dbias};
}

template <class T>
inline constexpr FormulaOf<T> training_formulas_of[] = {
    {"(dy - mean - (x - mu) k) invstd gamma", with_k<T>},
    {"(dy - (x - mu) p - mean) (invstd gamma)", with_scales<T>},
    {"gamma invstd/n (n dy - S - x^ T)", of_the_papers<T>},
    {"deltas of mean and variance, pow", three_deltas<T>},
    {"(d - mean - x^ mean(d x^))/root, d = gamma dy", gamma_first<T>},
    {"fma(-x^, t, dy - mean) (gamma invstd)", fused<T>},
};
inline constexpr const auto& training_formulas = training_formulas_of<float>;

// ---- training, other dialects

/// Σdy·(x − μ)/(√v + ε), and dx with 1e-5 inside the root.
inline Gradients darknet(const Layer& l, Sum add) {
  Layer inside = l;
  inside.eps = 1e-5f;
  Gradients gradients = three_deltas(inside, add);
  const float deviation = std::sqrt(l.variance) + l.eps;
  gradients.dweight = l.sum(add, [&](std::size_t i) { return l.dy[i] * (l.centred(i) / deviation); });
  return gradients;
}

/// with_k, but dσ²/dx = 2(x − μ)/(n − 1).
inline Gradients unbiased(const Layer& l, Sum add) {
  const float dot = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.centred(i); });
  const float total = add(l.dy);
  const float h = l.invstd();
  const float k = dot * h * h / (l.n() - 1);
  const float mean_dy = total / l.n();
  return {l.each([&](std::size_t i) { return (l.dy[i] - mean_dy - l.centred(i) * k) * h * l.gamma; }),
          dot * h, total};
}

/// h = 1/(σ + ε), dh/dσ = −h².
inline Gradients outside(const Layer& l, Sum add) {
  const float dot = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.centred(i); });
  const float total = add(l.dy);
  const float sigma = std::sqrt(l.variance);
  const float h = 1 / (sigma + l.eps);
  const float k = dot * h / sigma / l.n();
  const float mean_dy = total / l.n();
  return {l.each([&](std::size_t i) { return (l.dy[i] - mean_dy - l.centred(i) * k) * (h * l.gamma); }),
          dot * h, total};
}

// ---- inference

template <class Dx>
inline Gradients given_statistics(const Layer& l, Sum add, bool factor_late, const Dx& dx) {
  const float dweight = factor_late
                            ? l.sum(add, [&](std::size_t i) { return l.dy[i] * l.centred(i); }) * l.invstd()
                            : l.sum(add, [&](std::size_t i) { return l.dy[i] * l.normal(i); });
  return {l.each([&](std::size_t i) { return dx(l.dy[i]); }), dweight, add(l.dy)};
}

inline constexpr Formula inference_formulas[] = {
    {"dy (gamma invstd)",
     [](const Layer& l, Sum add) {
       return given_statistics(l, add, false, [&](float dy) { return dy * (l.gamma * l.invstd()); });
     }},
    {"gamma (dy invstd)",
     [](const Layer& l, Sum add) {
       return given_statistics(l, add, true, [&](float dy) { return l.gamma * (dy * l.invstd()); });
     }},
    {"gamma dy / root",
     [](const Layer& l, Sum add) {
       return given_statistics(l, add, true, [&](float dy) { return l.gamma * dy / l.deviation(); });
     }},
    {"gamma dy pow(v, -1/2)",
     [](const Layer& l, Sum add) {
       return given_statistics(l, add, false,
                               [&](float dy) { return l.gamma * dy * std::pow(l.variance + l.eps, -0.5f); });
     }},
    {"double, rounded once",
     [](const Layer& l, Sum add) {
       const double v = static_cast<double>(l.variance) + static_cast<double>(l.eps);
       return given_statistics(l, add, true, [&](float dy) {
         return static_cast<float>(static_cast<double>(l.gamma) * static_cast<double>(dy) / std::sqrt(v));
       });
     }},
};

// ---- data

enum class Slope { random, nearly_constant, y, normalised, one_hot, huge_and_tiny, constant };
inline constexpr Slope all_slopes[] = {Slope::random,     Slope::nearly_constant, Slope::y,
                                       Slope::normalised, Slope::one_hot,         Slope::huge_and_tiny,
                                       Slope::constant};

/// A dy of the given kind; y and x̂ are those of the layer, computed in double and rounded.
inline Values draw_dy(Random& random, Slope slope, const Layer& l) {
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> exponent(-30, 30);
  const std::size_t hot = random() % l.x.size();
  const double level = normal(random);
  const double root = std::sqrt(static_cast<double>(l.variance) + static_cast<double>(l.eps));
  return l.each([&](std::size_t i) {
    const double z = normal(random);
    const double normalised = (static_cast<double>(l.x[i]) - static_cast<double>(l.mean)) / root;
    switch (slope) {
      case Slope::random:
        return static_cast<float>(z);
      case Slope::nearly_constant:
        return static_cast<float>(1 + 1e-4 * z);
      case Slope::y:
        return static_cast<float>(static_cast<double>(l.gamma) * normalised + level);
      case Slope::normalised:
        return static_cast<float>(normalised);
      case Slope::one_hot:
        return i == hot ? 1.0f : 0.0f;
      case Slope::huge_and_tiny:
        return static_cast<float>(std::ldexp(z, exponent(random)));
      case Slope::constant:
        break;
    }
    return static_cast<float>(level);
  });
}

}  // namespace bncheck::simulation
