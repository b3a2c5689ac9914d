/* Batch normalisation. `scale_shift` has four rows of channels: the mean, the inverse of the deviation, the weight times that
   inverse, the bias. Parts of statistics are means and sums of squared distances from them, as two rows. */

/* Statistics of strips: distances are taken from the strip's first unit, so that they are small. */
KERNEL norm_statistics(const E *__restrict__ x, float *__restrict__ parts, int channels, int rows, int each,
                       int count) {
    int i = INDEX, j, row;
    float first[WIDE], v[WIDE], total[WIDE], squares[WIDE], inverse, apart;
    Strip s;
    if (i >= count) return;
    s = strip(i, channels, rows, each);
    BY_ROWS(channels,
        load(x + s.row * channels + s.c, s.lanes, whole, first);
        for (j = 0; j < WIDE; j++) total[j] = squares[j] = 0.0f;
        for (row = s.row; row < s.end; row++) {
            load(x + row * channels + s.c, s.lanes, whole, v);
            for (j = 0; j < WIDE; j++) {
                apart = v[j] - first[j];
                total[j] += apart;
                squares[j] += apart * apart;
            }
        }
        inverse = 1.0f / (float)(s.end - s.row);
        for (j = 0; j < WIDE; j++) {
            squares[j] -= total[j] * total[j] * inverse;
            squares[j] = squares[j] > 0.0f ? squares[j] : 0.0f;
            first[j] += total[j] * inverse;
        }
        parts += s.row / each * 2 * channels + s.c;
        save_floats(parts, s.lanes, whole, first);
        save_floats(parts + channels, s.lanes, whole, squares);
    )
}

/* Joins the parts from `part` up to `end`, each of `each` of the rows: first their means, then the squared distances
   of each from the mean of all (Chan et al. 1983). */
INLINE void join_parts(const float *parts, int part, int end, int c, int channels, int rows, int each,
                       float *mean, float *squares) {
    int i, from = part * each, to = smaller(end * each, rows);
    float first = parts[part * 2 * channels + c], total = 0.0f, apart;
    UNROLL
    for (i = part; i < end; i++)
        total += (parts[i * 2 * channels + c] - first) * (float)smaller(each, rows - i * each);
    *mean = first + total / (float)(to - from);
    *squares = 0.0f;
    UNROLL
    for (i = part; i < end; i++) {
        apart = parts[i * 2 * channels + c] - *mean;
        *squares += parts[(i * 2 + 1) * channels + c] + apart * apart * (float)smaller(each, rows - i * each);
    }
}

KERNEL norm_fold(const float *parts, float *to, int many, int channels, int rows, int each, int count) {
    int i = INDEX, c, group;
    float mean, squares;
    if (i >= count) return;
    c = i % channels;
    group = i / channels;
    join_parts(parts, group * PARTS, smaller((group + 1) * PARTS, many), c, channels, rows, each, &mean,
               &squares);
    to[group * 2 * channels + c] = mean;
    to[(group * 2 + 1) * channels + c] = squares;
}

INLINE void write_scale_shift(float *scale_shift, int c, int channels, float mean, float variance, float eps,
                       const float *weight, const float *bias) {
    float inverse = 1.0f / sqrtf(variance + eps);
    scale_shift[c] = mean;
    scale_shift[channels + c] = inverse;
    scale_shift[2 * channels + c] = weight[c] * inverse;
    scale_shift[3 * channels + c] = bias[c];
}

/* Mean, deviation, scale and shift of the batch; running statistics take in `momentum` of it, its variance times `correction`. */
KERNEL norm_scale_shift(const float *parts, const float *weight, const float *bias, float *scale_shift, float *running_mean,
                 float *running_variance, int many, int channels, int rows, int each, float eps, float momentum,
                 float correction, int count) {
    int i = INDEX;
    float mean, squares, variance;
    if (i >= count) return;
    join_parts(parts, 0, many, i, channels, rows, each, &mean, &squares);
    variance = squares / (float)rows;
    write_scale_shift(scale_shift, i, channels, mean, variance, eps, weight, bias);
    running_mean[i] = running_mean[i] * (1.0f - momentum) + mean * momentum;
    running_variance[i] = running_variance[i] * (1.0f - momentum) + variance * (momentum * correction);
}

/* The same of running statistics. */
KERNEL norm_running(const float *mean, const float *variance, const float *weight, const float *bias, float *scale_shift,
                    float eps, int count) {
    int i = INDEX;
    if (i < count) write_scale_shift(scale_shift, i, count, mean[i], variance[i], eps, weight, bias);
}

/* Running statistics, weight, bias and the bias of the convolution in front (or none) as one factor and one
   summand of each channel, for `finish`. */
KERNEL norm_folded(const float *mean, const float *variance, const float *weight, const float *bias,
                   const float *offset, float *scale, float *shift, float eps, int count) {
    int i = INDEX;
    float factor;
    if (i >= count) return;
    factor = weight[i] / sqrtf(variance[i] + eps);
    scale[i] = factor;
    shift[i] = bias[i] + ((offset ? offset[i] : 0.0f) - mean[i]) * factor;
}

/* What a thread needs of it for its channels. */
typedef struct { float mean[WIDE], scale[WIDE], bias[WIDE]; } ScaleShift;

INLINE void load_scale_shift(const float *scale_shift, Strip s, int whole, int channels, ScaleShift *to) {
    load_floats(scale_shift + s.c, s.lanes, whole, to->mean);
    load_floats(scale_shift + 2 * channels + s.c, s.lanes, whole, to->scale);
    load_floats(scale_shift + 3 * channels + s.c, s.lanes, whole, to->bias);
}

INLINE float normalised(float x, const ScaleShift *scale_shift, int lane) {
    return (x - scale_shift->mean[lane]) * scale_shift->scale[lane] + scale_shift->bias[lane];
}

/* y = relu(normalised x + residual), as far as there are such things. */
KERNEL normalise(const E *__restrict__ x, const float *__restrict__ scale_shift, const E *__restrict__ residual,
                 E *__restrict__ y, int channels, int relu, int rows, int each, int count) {
    int i = INDEX, j, row;
    float v[WIDE], other[WIDE];
    Strip s;
    ScaleShift l;
    if (i >= count) return;
    s = strip(i, channels, rows, each);
    BY_ROWS(channels,
        load_scale_shift(scale_shift, s, whole, channels, &l);
        for (j = 0; j < WIDE; j++) other[j] = 0.0f;
        for (row = s.row; row < s.end; row++) {
            load(x + row * channels + s.c, s.lanes, whole, v);
            if (residual) load(residual + row * channels + s.c, s.lanes, whole, other);
            for (j = 0; j < WIDE; j++) {
                v[j] = normalised(v[j], &l, j) + other[j];
                if (relu && v[j] < 0.0f) v[j] = 0.0f;
            }
            save(y + row * channels + s.c, s.lanes, whole, v);
        }
    )
}

/* Sums of dy, and of dy times the distance of x from its mean, as two rows, dy under the mask of ReLU.
   With `by_output` the mask is worked out from y, and `left` takes the masked dy; else, with `relu`, from x. */
INLINE void sums_of_rows(const E *__restrict__ x, const E *__restrict__ dy, const E *__restrict__ y,
                         E *__restrict__ left, const float *__restrict__ scale_shift, float *__restrict__ parts, int channels,
                         int relu, Strip s, int each, int by_output) {
    int j, row, at;
    float v[WIDE], d[WIDE], out[WIDE], total[WIDE], along[WIDE];
    ScaleShift l;
    for (j = 0; j < WIDE; j++) total[j] = along[j] = 0.0f;
    BY_ROWS(channels,
        load_scale_shift(scale_shift, s, whole, channels, &l);
        UNROLL_ROWS
        for (row = s.row; row < s.end; row++) {
            at = row * channels + s.c;
            load(x + at, s.lanes, whole, v);
            load(dy + at, s.lanes, whole, d);
            if (by_output) load(y + at, s.lanes, whole, out);
            for (j = 0; j < WIDE; j++) {
                if (!by_output) out[j] = relu ? normalised(v[j], &l, j) : 1.0f;
                d[j] = out[j] > 0.0f ? d[j] : 0.0f;
                total[j] += d[j];
                along[j] += (v[j] - l.mean[j]) * d[j];
            }
            if (by_output) save(left + at, s.lanes, whole, d);
        }
        parts += s.row / each * 2 * channels + s.c;
        save_floats(parts, s.lanes, whole, total);
        save_floats(parts + channels, s.lanes, whole, along);
    )
}

KERNEL norm_sums(const E *__restrict__ x, const E *__restrict__ dy, const float *__restrict__ scale_shift,
                 float *__restrict__ parts, int channels, int relu, int rows, int each, int count) {
    int i = INDEX;
    if (i < count) sums_of_rows(x, dy, x, 0, scale_shift, parts, channels, relu, strip(i, channels, rows, each), each, 0);
}

KERNEL norm_sums_masked(const E *__restrict__ x, const E *__restrict__ dy, const E *__restrict__ y, E *__restrict__ left,
                     const float *__restrict__ scale_shift, float *__restrict__ parts, int channels, int rows, int each,
                     int count) {
    int i = INDEX;
    if (i < count) sums_of_rows(x, dy, y, left, scale_shift, parts, channels, 1, strip(i, channels, rows, each), each, 1);
}

/* The gradients of weight and bias, and the terms that norm_backward subtracts, as two rows: shifts, and factors of
   the distance of x from its mean, by which the gradient is projected. Zero where the statistics are not the batch's. */
KERNEL norm_gradients(const float *parts, const float *scale_shift, float *dweight, float *dbias, float *terms,
                   int many, int channels, int rows, int of_batch, int add, int count) {
    int i = INDEX, part;
    float total = 0.0f, along = 0.0f, inverse, share;
    if (i >= count) return;
    UNROLL
    for (part = 0; part < many; part++) {
        total += parts[part * 2 * channels + i];
        along += parts[(part * 2 + 1) * channels + i];
    }
    inverse = scale_shift[channels + i];
    along *= inverse;
    dbias[i] = add ? dbias[i] + total : total;
    dweight[i] = add ? dweight[i] + along : along;
    share = of_batch ? scale_shift[2 * channels + i] / (float)rows : 0.0f;
    terms[i] = total * share;
    terms[channels + i] = along * inverse * share;
}

/* The gradient of x; with `relu` the mask of ReLU is worked out from x. */
KERNEL norm_backward(const E *__restrict__ x, const E *__restrict__ dy, const float *__restrict__ scale_shift,
                     const float *__restrict__ terms, E *__restrict__ dx, int channels, int relu, int add, int rows,
                     int each, int count) {
    int i = INDEX, j, row, at;
    float v[WIDE], d[WIDE], shift[WIDE], along[WIDE];
    Strip s;
    ScaleShift l;
    if (i >= count) return;
    s = strip(i, channels, rows, each);
    BY_ROWS(channels,
        load_scale_shift(scale_shift, s, whole, channels, &l);
        load_floats(terms + s.c, s.lanes, whole, shift);
        load_floats(terms + channels + s.c, s.lanes, whole, along);
        for (row = s.row; row < s.end; row++) {
            at = row * channels + s.c;
            load(x + at, s.lanes, whole, v);
            load(dy + at, s.lanes, whole, d);
            for (j = 0; j < WIDE; j++) {
                if (relu && !(normalised(v[j], &l, j) > 0.0f)) d[j] = 0.0f;
                d[j] = l.scale[j] * d[j] - shift[j] - (v[j] - l.mean[j]) * along[j];
            }
            give(dx + at, s.lanes, whole, d, add);
        }
    )
}
