#include "report/html_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/html_page.hpp"
#include "report/markup.hpp"
#include "report/show_case.hpp"

namespace bncheck {
namespace {

/// Place of the drawing, in units of the view box.
struct Frame {
  double width, height;
  double left = 48, right = 10, top = 10, bottom = 34;
  double inner_width() const { return width - left - right; }
  double inner_height() const { return height - top - bottom; }
  double floor() const { return height - bottom; }
};

std::string line(const char* style, double x1, double y1, double x2, double y2) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", style,
                     x1, y1, x2, y2);
}

std::string label(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     markup(text));
}

std::string axes(const Frame& frame) {
  return line("axis", frame.left, frame.top, frame.left, frame.floor()) +
         line("axis", frame.left, frame.floor(), frame.width - frame.right, frame.floor());
}

/// Text of 2^k: "0.25", "16", "1e+06".
std::string show_power(int k) {
  const double value = std::ldexp(1.0, k);
  if (std::abs(k) > 10) return fmt::format("{:.0e}", value);
  return k < -3 ? fmt::format("{:.2g}", value) : fmt::format("{:g}", value);
}

/// Scale of powers of two, with a bin for zero below and one for infinity above: the used bins of
/// LogHistogram.
class Scale {
 public:
  static constexpr int zero = LogHistogram::lowest - 1, infinite = LogHistogram::highest + 1;
  void use(int bin) {
    first_ = std::min(first_, bin);
    last_ = std::max(last_, bin);
  }
  bool empty() const { return first_ > last_; }
  int first() const { return first_; }
  int last() const { return last_; }
  int count() const { return last_ - first_ + 1; }
  static std::string name(int bin) { return bin == zero ? "0" : bin == infinite ? "inf" : show_power(bin); }
  /// Whether the bin has a label: about eight bins have one, and both ends if they are 0 and infinity.
  bool is_labelled(int bin) const {
    const int step = std::max(1, (count() + 7) / 8);
    return bin == zero || bin == infinite || (bin % step == 0 && bin != zero + 1 && bin != infinite - 1);
  }

 private:
  int first_ = infinite + 1, last_ = zero - 1;
};

int bin_of(double value) {
  if (value == 0) return Scale::zero;
  return std::isfinite(value) ? LogHistogram::bin_of(value) : Scale::infinite;
}

std::int64_t count_at(const LogHistogram& histogram, int bin) {
  if (bin == Scale::zero) return histogram.zeros();
  return bin == Scale::infinite ? histogram.infinite() : histogram.count(bin);
}

std::string range_name(int bin, const std::string& unit) {
  if (bin == Scale::zero) return "0 " + unit;
  if (bin == Scale::infinite) return "infinite or no number";
  return fmt::format("{} to {} {}", show_power(bin), show_power(bin + 1), unit);
}

std::string opening(const ChartText& text, const Frame& frame, const std::string& description) {
  return fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-labelledby=\"{}-title {}-desc\">\n"
      "<title id=\"{}-title\">{}</title>\n<desc id=\"{}-desc\">{}</desc>\n",
      frame.width, frame.height, text.id, text.id, text.id, markup(text.title), text.id, markup(description));
}

std::string describe(const LogHistogram& histogram, const Scale& scale, const std::string& unit) {
  std::string parts;
  for (int bin = scale.first(); bin <= scale.last(); ++bin) {
    const std::int64_t count = count_at(histogram, bin);
    if (count > 0) parts += fmt::format("{}{}: {}", parts.empty() ? "" : "; ", range_name(bin, unit), count);
  }
  return "Elements by error. " + parts + ".";
}

/// Height of a count on a logarithmic axis; 1 is slightly above the floor.
double count_height(double count, double most, const Frame& frame) {
  return frame.inner_height() * (std::log10(count) + 0.3) / (std::log10(most) + 0.3);
}

std::string count_axis(double most, const Frame& frame) {
  std::string marks;
  const double powers = std::floor(std::log10(most));
  const double step = std::max(1.0, std::ceil(powers / 4));
  for (double power = 0; power <= powers; power += step) {
    const double y = frame.floor() - count_height(std::pow(10, power), most, frame);
    marks += line("grid", frame.left, y, frame.width - frame.right, y) +
             label(frame.left - 4, y + 4, "end", fmt::format("{:g}", std::pow(10, power)));
  }
  return marks;
}

}  // namespace

std::string svg_histogram(const ChartText& text, const LogHistogram& histogram) {
  Scale scale;
  std::int64_t most = 1;
  for (int bin = Scale::zero; bin <= Scale::infinite; ++bin) {
    if (count_at(histogram, bin) > 0) scale.use(bin);
    most = std::max(most, count_at(histogram, bin));
  }
  if (scale.empty()) return "";
  const Frame frame{360, 170};
  const double step = frame.inner_width() / scale.count();
  std::string svg = opening(text, frame, describe(histogram, scale, text.unit)) +
                    count_axis(static_cast<double>(most), frame) + axes(frame);
  for (int bin = scale.first(); bin <= scale.last(); ++bin) {
    const double x = frame.left + step * (bin - scale.first());
    const auto count = static_cast<double>(count_at(histogram, bin));
    if (count > 0) {
      const double height = count_height(count, static_cast<double>(most), frame);
      svg += fmt::format(
          "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
          "<title>{}: {} elements</title></rect>\n",
          x + step * 0.08, frame.floor() - height, step * 0.84, height, range_name(bin, text.unit), count);
    }
    if (scale.is_labelled(bin)) {
      const bool between = bin != Scale::zero && bin != Scale::infinite;
      svg += label(between ? x : x + step / 2, frame.floor() + 14, "middle", Scale::name(bin));
    }
  }
  return svg + label(frame.left + frame.inner_width() / 2, frame.height - 4, "middle", text.unit) +
         "</svg>\n";
}

namespace {

/// Plane with two scales.
struct Plane {
  Frame frame{360, 230};
  Scale x, y;
  /// Position of a value, exact within its bin.
  static double position(double value, const Scale& scale) {
    const int bin = bin_of(value);
    const double within =
        bin == Scale::zero || bin == Scale::infinite ? 0.5 : std::clamp(std::log2(value) - bin, 0.0, 1.0);
    return (bin - scale.first() + within) / scale.count();
  }
  double at_x(double value) const { return frame.left + frame.inner_width() * position(value, x); }
  double at_y(double value) const { return frame.floor() - frame.inner_height() * position(value, y); }
};

std::string ticks(const Plane& plane) {
  const Frame& frame = plane.frame;
  std::string svg;
  for (int bin = plane.x.first(); bin <= plane.x.last(); ++bin) {
    const double x = frame.left + frame.inner_width() * (bin - plane.x.first()) / plane.x.count();
    if (plane.x.is_labelled(bin)) svg += label(x, frame.floor() + 14, "middle", Scale::name(bin));
  }
  for (int bin = plane.y.first(); bin <= plane.y.last(); ++bin) {
    const double middle = bin == Scale::zero || bin == Scale::infinite ? 0.5 : 0;
    const double y =
        frame.floor() - frame.inner_height() * (bin - plane.y.first() + middle) / plane.y.count();
    if (!plane.y.is_labelled(bin)) continue;
    svg += line("grid", frame.left, y, frame.width - frame.right, y) +
           label(frame.left - 4, y + 4, "end", Scale::name(bin));
  }
  return svg;
}

Plane plane_of(const std::vector<ErrorPoint>& points, const std::vector<LinkedPoint>& linked) {
  Plane plane;
  const auto use = [&](double condition, double ulps) {
    plane.x.use(bin_of(condition));
    plane.y.use(bin_of(ulps));
  };
  for (const ErrorPoint& point : points) use(point.condition, point.ulps);
  for (const LinkedPoint& point : linked) use(point.condition, point.ulps);
  return plane;
}

std::string describe(const std::vector<ErrorPoint>& points, const std::string& unit) {
  const auto worst = std::ranges::max_element(points, {}, &ErrorPoint::ulps);
  return fmt::format(
      "{} points, each the worst element of a power of two of condition number and error; the worst error is "
      "{} "
      "{} at condition {}. Rings lead to their cases.",
      points.size(), show_measure(worst->ulps), unit, show_measure(worst->condition));
}

}  // namespace

std::string svg_scatter(const ChartText& text, const std::vector<ErrorPoint>& points,
                        const std::vector<LinkedPoint>& linked) {
  std::vector<LinkedPoint> placed;
  std::ranges::copy_if(linked, std::back_inserter(placed), [](const LinkedPoint& point) {
    return std::isfinite(point.condition) && point.condition > 0;
  });
  if (points.empty()) return "";
  const Plane plane = plane_of(points, placed);
  const Frame& frame = plane.frame;
  // role="img" hides the parts of a picture from screen readers. Only the marks have it, so that the links
  // stay links.
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"group\" aria-labelledby=\"{}-title\" class=\"scatter\">\n"
      "<g role=\"img\" aria-labelledby=\"{}-title {}-desc\">\n<title id=\"{}-title\">{}</title>\n"
      "<desc id=\"{}-desc\">{}</desc>\n",
      frame.width, frame.height, text.id, text.id, text.id, text.id, markup(text.title), text.id,
      markup(describe(points, text.unit)));
  svg += ticks(plane) + axes(frame);
  for (const ErrorPoint& point : points) {
    const double radius = 1.5 + 0.8 * std::log10(static_cast<double>(point.elements));
    svg += fmt::format(
        "<circle class=\"point\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"><title>condition {}, up to {} {}: "
        "{} "
        "elements</title></circle>\n",
        plane.at_x(point.condition), plane.at_y(point.ulps), radius, show_measure(point.condition),
        show_measure(point.ulps), text.unit, point.elements);
  }
  svg += label(frame.left + frame.inner_width() / 2, frame.height - 4, "middle",
               "condition number of the channel");
  svg += "</g>\n";
  for (const LinkedPoint& point : placed) {
    svg += fmt::format(
        "<a href=\"#{}\" aria-label=\"{}\"><circle class=\"worst\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\">"
        "<title>{}</title></circle></a>\n",
        html_id(point.id), markup(point.title), plane.at_x(point.condition), plane.at_y(point.ulps),
        markup(point.title));
  }
  return svg + "</svg>\n";
}

}  // namespace bncheck
