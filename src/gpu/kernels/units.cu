/* What is done to each unit by itself. */

/* y = relu(x * scale + shift + beside), as far as there are such things; y may be x. */
KERNEL finish(const E *x, const float *scale, const float *shift, const E *beside, E *y, int channels,
              int relu, int count) {
    int i = INDEX, c;
    float value;
    if (i >= count) return;
    c = i % channels;
    value = get(x[i]);
    if (scale) value *= scale[c];
    if (shift) value += shift[c];
    if (beside) value += get(beside[i]);
    y[i] = put(relu && value < 0.0f ? 0.0f : value);
}

/* The functions, numbered as `kind` in forward.rs: relu, sigmoid, tanh, 1.7159 tanh(2x / 3). */
KERNEL activate(const E *x, E *y, int kind, int count) {
    int i = INDEX;
    float v, e;
    if (i >= count) return;
    v = get(x[i]);
    if (kind == 0) {
        v = v < 0.0f ? 0.0f : v;
    } else if (kind == 1) {
        e = expf(-fabsf(v));
        v = (v < 0.0f ? e : 1.0f) / (1.0f + e);
    } else if (kind == 2) {
        v = tanhf(v);
    } else {
        v = 1.7159f * tanhf(2.0f / 3.0f * v);
    }
    y[i] = put(v);
}

/* From the output alone. */
KERNEL activate_backward(const E *y, const E *dy, E *dx, int kind, int add, int count) {
    int i = INDEX;
    float v, d;
    if (i >= count) return;
    v = get(y[i]);
    d = get(dy[i]);
    if (kind == 0) {
        d = v > 0.0f ? d : 0.0f;
    } else if (kind == 1) {
        d = d * v * (1.0f - v);
    } else if (kind == 2) {
        d = d * (1.0f - v * v);
    } else {
        v /= 1.7159f;
        d = d * (1.7159f * 2.0f / 3.0f) * (1.0f - v * v);
    }
    store(dx, i, d, add);
}

/* y (+)= factor * x + offset. */
KERNEL scale(const E *x, E *y, float factor, float offset, int add, int count) {
    int i = INDEX;
    if (i >= count) return;
    store(y, i, factor * get(x[i]) + offset, add);
}

KERNEL sum(const E *a, const E *b, E *y, int count) {
    int i = INDEX;
    if (i >= count) return;
    y[i] = put(get(a[i]) + get(b[i]));
}

/* x times the gate of its unit, or of its map in its sample; both gradients of a gate by unit, and that of
   x by map, are such products too. */
KERNEL gate(const E *x, const E *gates, E *y, int channels, int plane, int by_unit, int add, int count) {
    int i = INDEX, at;
    if (i >= count) return;
    at = by_unit ? i : i / channels / plane * channels + i % channels;
    store(y, i, get(x[i]) * get(gates[at]), add);
}

/* The gradient of a gate by map: a thread for each map of each sample. */
KERNEL gate_backward(const E *x, const E *dy, E *dgate, int channels, int plane, int add, int count) {
    int i = INDEX, at, unit;
    float total = 0.0f;
    if (i >= count) return;
    at = i / channels * plane * channels + i % channels;
    for (unit = 0; unit < plane; unit++, at += channels) total += get(x[at]) * get(dy[at]);
    store(dgate, i, total, add);
}

INLINE unsigned long long mixed(unsigned long long state) {
    unsigned long long z = state + 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* Zeroes the units whose number under the key, 53 bits of it, is below a limit: mask is {key, limit}. The
   number's place counts units as [n][c][h][w]. Its own gradient. */
KERNEL dropout(const E *x, E *y, const unsigned long long *mask, float factor, int channels, int plane,
               int add, int count) {
    int i = INDEX, c, row;
    unsigned long long place;
    if (i >= count) return;
    c = i % channels;
    row = i / channels;
    place = ((unsigned long long)(row / plane) * channels + c) * plane + row % plane;
    store(y, i, (mixed(mask[0] + place) >> 11) < mask[1] ? 0.0f : get(x[i]) * factor, add);
}

/* The sum of up to four values, each times the share that its sample has, [values][samples]; without shares
   times a factor. The gradients are such sums too, of one value. */
KERNEL mean(const E *a, const E *b, const E *c, const E *d, const float *shares, float factor, int samples,
            int units, E *y, int add, int count) {
    int i = INDEX, at;
    float total;
    if (i >= count) return;
    at = i / units;
    total = get(a[i]) * (shares ? shares[at] : factor);
    if (b) total += get(b[i]) * (shares ? shares[samples + at] : factor);
    if (c) total += get(c[i]) * (shares ? shares[2 * samples + at] : factor);
    if (d) total += get(d[i]) * (shares ? shares[3 * samples + at] : factor);
    store(y, i, total, add);
}
