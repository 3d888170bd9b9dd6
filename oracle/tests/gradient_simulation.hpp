#pragma once
/// Gradients of a layer of one channel in float32, as people write them, and the dy that they are put to.

#include "simulation.hpp"

namespace bncheck::simulation {

using Sum = float (*)(const Values&);

/// What a backward pass is given, or has computed from x.
struct Layer {
  const Values& x;
  const Values& dy;
  float mean, variance, gamma, eps;

  float n() const { return static_cast<float>(x.size()); }
  float deviation() const { return std::sqrt(variance + eps); }
  float invstd() const { return 1 / deviation(); }
  float centred(std::size_t i) const { return x[i] - mean; }
  float normal(std::size_t i) const { return centred(i) * invstd(); }
  template <class Term>
  float sum(Sum add, const Term& term) const {
    Values terms;
    for (std::size_t i = 0; i < x.size(); ++i) terms.push_back(term(i));
    return add(terms);
  }
  template <class Term>
  Values each(const Term& term) const {
    Values values;
    for (std::size_t i = 0; i < x.size(); ++i) values.push_back(term(i));
    return values;
  }
};

struct Gradients {
  Values dx;
  float dweight, dbias;
};

struct Formula {
  const char* name;
  Gradients (*apply)(const Layer&, Sum);
};

// ---- training

/// (dy - mean(dy) - (x - mean) k) invstd gamma with k = Sum dy (x - mean) invstd^2/n.
inline Gradients with_k(const Layer& l, Sum add) {
  const float dot = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.centred(i); });
  const float total = add(l.dy);
  const float h = l.invstd();
  const float k = dot * h * h / l.n();
  const float mean_dy = total / l.n();
  return {l.each([&](std::size_t i) { return (l.dy[i] - mean_dy - l.centred(i) * k) * h * l.gamma; }),
          dot * h, total};
}

/// The same, with gamma and invstd multiplied first and both means taken by a product with 1/n.
inline Gradients with_scales(const Layer& l, Sum add) {
  const float dot = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.centred(i); });
  const float total = add(l.dy);
  const float h = l.invstd();
  const float norm = 1 / l.n();
  const float mean_dy = total * norm;
  const float projection_scale = dot * norm * h * h;
  const float gradient_scale = h * l.gamma;
  return {l.each([&](std::size_t i) {
            return (l.dy[i] - l.centred(i) * projection_scale - mean_dy) * gradient_scale;
          }),
          dot * h, total};
}

/// gamma invstd/n (n dy - Sum dy - x^ Sum dy x^), as papers print it.
inline Gradients of_the_papers(const Layer& l, Sum add) {
  const float dweight = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.normal(i); });
  const float dbias = add(l.dy);
  const float factor = l.gamma * l.invstd() / l.n();
  return {l.each([&](std::size_t i) { return factor * (l.n() * l.dy[i] - dbias - l.normal(i) * dweight); }),
          dweight, dbias};
}

/// Gradients of the mean and of the variance first, gamma in all of them, V^(-3/2) by pow.
inline Gradients three_deltas(const Layer& l, Sum add) {
  const Values delta = l.each([&](std::size_t i) { return l.dy[i] * l.gamma; });
  const float v = l.variance + l.eps;
  const float mean_delta = add(delta) * (-1 / std::sqrt(v));
  const float dot = l.sum(add, [&](std::size_t i) { return delta[i] * l.centred(i); });
  const float variance_delta = dot * (-0.5f * std::pow(v, -1.5f));
  return {l.each([&](std::size_t i) {
            return delta[i] * (1 / std::sqrt(v)) + variance_delta * 2 * l.centred(i) / l.n() +
                   mean_delta / l.n();
          }),
          l.sum(add, [&](std::size_t i) { return l.dy[i] * l.normal(i); }), add(l.dy)};
}

/// invstd (dx^ - mean(dx^) - x^ mean(dx^ x^)) with dx^ = gamma dy: what automatic differentiation leaves.
inline Gradients gamma_first(const Layer& l, Sum add) {
  const Values d = l.each([&](std::size_t i) { return l.gamma * l.dy[i]; });
  const float mean_d = add(d) / l.n();
  const float mean_dot = l.sum(add, [&](std::size_t i) { return d[i] * l.normal(i); }) / l.n();
  return {l.each([&](std::size_t i) { return (d[i] - mean_d - l.normal(i) * mean_dot) / l.deviation(); }),
          l.sum(add, [&](std::size_t i) { return l.dy[i] * l.normal(i); }), add(l.dy)};
}

inline Gradients fused(const Layer& l, Sum add) {
  const float dweight = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.normal(i); });
  const float dbias = add(l.dy);
  const float t = dweight / l.n();
  const float mean_dy = dbias / l.n();
  const float factor = l.gamma * l.invstd();
  return {l.each([&](std::size_t i) { return factor * std::fma(-l.normal(i), t, l.dy[i] - mean_dy); }),
          dweight, dbias};
}

inline constexpr Formula training_formulas[] = {
    {"(dy - mean - (x - mu) k) invstd gamma", with_k},
    {"(dy - (x - mu) p - mean) (invstd gamma)", with_scales},
    {"gamma invstd/n (n dy - S - x^ T)", of_the_papers},
    {"deltas of mean and variance, pow", three_deltas},
    {"(d - mean - x^ mean(d x^))/root, d = gamma dy", gamma_first},
    {"fma(-x^, t, dy - mean) (gamma invstd)", fused},
};

// ---- training, other dialects

/// Sum dy (x - mean)/(sqrt(v) + eps), and dx with 1e-5 inside the root.
inline Gradients darknet(const Layer& l, Sum add) {
  Layer inside = l;
  inside.eps = 1e-5f;
  Gradients gradients = three_deltas(inside, add);
  const float deviation = std::sqrt(l.variance) + l.eps;
  gradients.dweight = l.sum(add, [&](std::size_t i) { return l.dy[i] * (l.centred(i) / deviation); });
  return gradients;
}

/// with_k, but dv/dx = 2 (x - mean)/(n - 1).
inline Gradients unbiased(const Layer& l, Sum add) {
  const float dot = l.sum(add, [&](std::size_t i) { return l.dy[i] * l.centred(i); });
  const float total = add(l.dy);
  const float h = l.invstd();
  const float k = dot * h * h / (l.n() - 1);
  const float mean_dy = total / l.n();
  return {l.each([&](std::size_t i) { return (l.dy[i] - mean_dy - l.centred(i) * k) * h * l.gamma; }),
          dot * h, total};
}

/// h = 1/(sigma + eps), dh/dsigma = -h^2.
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

/// dy; y and x^ are those of the layer, in double, rounded.
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
