// A BatchNorm in C++ for bncheck, with its gradient and on any strides:
// c++ -std=c++20 -O2 -shared -fPIC -o plugin.so plugin.cpp && bncheck check plugin:./plugin.so
// CC0: copy it and put your own in its place.
#include <cmath>
#include <string>
#include <vector>

#include "bncheck_plugin.h"

namespace {

struct Error {
  int status;
  std::string message;
};

/// The elements of one channel, in the same order for every tensor of a shape; none where there is no tensor.
std::vector<float*> channel_of(const bncheck_tensor& t, int64_t c) {
  if (t.data == nullptr) return {};
  std::vector<float*> all{static_cast<float*>(t.data) + c * t.strides[1]};
  for (int k = 0; k < t.rank; ++k) {
    if (k == 1) continue;
    std::vector<float*> longer;
    for (float* start : all)
      for (int64_t i = 0; i < t.shape[k]; ++i) longer.push_back(start + i * t.strides[k]);
    all = longer;
  }
  return all;
}
double value(const bncheck_tensor& t, int64_t c, double otherwise) {
  return t.data == nullptr ? otherwise : static_cast<float*>(t.data)[c];
}
void put(const bncheck_tensor& t, int64_t c, double v) {
  if (t.data != nullptr) static_cast<float*>(t.data)[c] = static_cast<float>(v);
}

struct Moments {
  double mean = 0, var = 0;
};

Moments moments(const std::vector<float*>& x) {
  Moments m;
  for (const float* v : x) m.mean += *v / static_cast<double>(x.size());
  for (const float* v : x) m.var += (*v - m.mean) * (*v - m.mean) / static_cast<double>(x.size());
  return m;
}

void forward(bncheck_call& call, bool training) {
  if (call.num_features < 1 || call.x.shape[1] != call.num_features)
    throw Error{BNCHECK_ERROR_CHANNELS, "x has not the number of channels of the layer"};
  for (int64_t c = 0; c < call.num_features; ++c) {
    const std::vector<float*> x = channel_of(call.x, c), y = channel_of(call.y, c);
    const auto n = static_cast<double>(x.size());
    if (training && n == 1) throw Error{BNCHECK_ERROR_ONE_VALUE, "expected more than one value per channel"};
    const Moments m =
        training ? moments(x) : Moments{value(call.running_mean, c, 0), value(call.running_var, c, 1)};
    const double scale = value(call.weight, c, 1) / std::sqrt(m.var + call.eps);
    for (size_t i = 0; i < x.size(); ++i)
      *y[i] = static_cast<float>((*x[i] - m.mean) * scale + value(call.bias, c, 0));
    if (!training || x.empty()) continue;
    const double w =
        call.cumulative ? 1.0 / static_cast<double>(call.num_batches_tracked + 1) : call.momentum;
    put(call.running_mean, c, (1 - w) * value(call.running_mean, c, 0) + w * m.mean);
    put(call.running_var, c, (1 - w) * value(call.running_var, c, 0) + w * m.var * n / (n - 1));
  }
}

void backward(bncheck_call& call, bool training) {
  for (int64_t c = 0; c < call.num_features; ++c) {
    const std::vector<float*> x = channel_of(call.x, c), dy = channel_of(call.dy, c),
                              dx = channel_of(call.dx, c);
    const Moments m =
        training ? moments(x) : Moments{value(call.running_mean, c, 0), value(call.running_var, c, 1)};
    const double invstd = 1 / std::sqrt(m.var + call.eps), n = static_cast<double>(x.size());
    double sum = 0, dot = 0;
    for (size_t i = 0; i < x.size(); ++i) sum += *dy[i], dot += *dy[i] * ((*x[i] - m.mean) * invstd);
    for (size_t i = 0; i < dx.size(); ++i) {
      const double centred = training ? *dy[i] - sum / n - (*x[i] - m.mean) * invstd * (dot / n) : *dy[i];
      *dx[i] = static_cast<float>(value(call.weight, c, 1) * invstd * centred);
    }
    put(call.dweight, c, dot);
    put(call.dbias, c, sum);
  }
}

/// No exception may cross the C interface.
template <class Work>
int guarded(bncheck_call* call, const Work& work) {
  try {
    work(*call);
    return BNCHECK_OK;
  } catch (const Error& error) {
    error.message.copy(call->message, call->message_bytes - 1);
    return error.status;
  } catch (...) {
    return BNCHECK_ERROR_OTHER;
  }
}

void capabilities(void*, bncheck_capabilities* can) {
  can->layouts = BNCHECK_STRIDED | BNCHECK_IN_PLACE;
  can->dialect = "pytorch,saved=none";
  can->numerics = "sound,summation=wide,range=wide";
  can->errors = "channels one_value";
  can->features |= BNCHECK_WEIGHT_OR_BIAS_ALONE;
}

const bncheck_plugin table{
    sizeof(bncheck_plugin),
    BNCHECK_ABI_VERSION,
    "example in C++",
    "1",
    nullptr,
    nullptr,
    capabilities,
    [](void*, bncheck_call* call) { return guarded(call, [](bncheck_call& c) { forward(c, true); }); },
    [](void*, bncheck_call* call) { return guarded(call, [](bncheck_call& c) { forward(c, false); }); },
    [](void*, bncheck_call* call, int training) {
      return guarded(call, [=](bncheck_call& c) { backward(c, training != 0); });
    }};

}  // namespace

const bncheck_plugin* bncheck_plugin_table(void) {
  return &table;
}
