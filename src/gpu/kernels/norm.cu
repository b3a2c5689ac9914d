/* Batch normalisation. `line` has for each channel its mean and the inverse of its deviation, as two rows;
   parts of statistics are means and sums of squared distances from them, as two rows. */

/* Joins a part with the mean and squares of `b` rows to one of `a` rows (Chan et al. 1983). */
INLINE void join(float *mean, float *squares, float a, float other, float other_squares, float b) {
    float apart = other - *mean, all = a + b;
    *mean += apart * (b / all);
    *squares += other_squares + apart * apart * (a * (b / all));
}

/* Statistics of strips: distances are taken from the strip's first unit, so that they are small. */
KERNEL norm_statistics(const E *x, float *parts, int channels, int rows, int each, int count) {
    int i = INDEX, c, row, end;
    float first, apart, total = 0.0f, squares = 0.0f, inverse;
    if (i >= count) return;
    c = i % channels;
    row = i / channels * each;
    end = smaller(row + each, rows);
    inverse = 1.0f / (float)(end - row);
    first = get(x[row * channels + c]);
    for (; row < end; row++) {
        apart = get(x[row * channels + c]) - first;
        total += apart;
        squares += apart * apart;
    }
    parts[i / channels * 2 * channels + c] = first + total * inverse;
    squares -= total * total * inverse;
    parts[(i / channels * 2 + 1) * channels + c] = squares > 0.0f ? squares : 0.0f;
}

/* Joins the parts from `part` up to `end`, each of `each` of the rows. */
INLINE void join_parts(const float *parts, int part, int end, int c, int channels, int rows, int each,
                       float *mean, float *squares) {
    int start = part * each, row;
    *mean = parts[part * 2 * channels + c];
    *squares = parts[(part * 2 + 1) * channels + c];
    for (part++; part < end; part++) {
        row = part * each;
        join(mean, squares, (float)(row - start), parts[part * 2 * channels + c],
             parts[(part * 2 + 1) * channels + c], (float)(smaller(each, rows - row)));
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

/* The line of the batch; running statistics take in `momentum` of it, its variance times `correction`. */
KERNEL norm_line(const float *parts, float *line, float *running_mean, float *running_variance, int many,
                 int channels, int rows, int each, float eps, float momentum, float correction, int count) {
    int i = INDEX;
    float mean, squares, variance;
    if (i >= count) return;
    join_parts(parts, 0, many, i, channels, rows, each, &mean, &squares);
    variance = squares / (float)rows;
    line[i] = mean;
    line[channels + i] = 1.0f / sqrtf(variance + eps);
    running_mean[i] = running_mean[i] * (1.0f - momentum) + mean * momentum;
    running_variance[i] = running_variance[i] * (1.0f - momentum) + variance * (momentum * correction);
}

/* The line of running statistics. */
KERNEL norm_running(const float *mean, const float *variance, float *line, float eps, int count) {
    int i = INDEX;
    if (i >= count) return;
    line[i] = mean[i];
    line[count + i] = 1.0f / sqrtf(variance[i] + eps);
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

INLINE float normalised(float x, const float *line, const float *weight, const float *bias, int c,
                        int channels) {
    return (x - line[c]) * (weight[c] * line[channels + c]) + bias[c];
}

/* y = relu(normalised x + beside), as far as there are such things. */
KERNEL normalise(const E *x, const float *line, const float *weight, const float *bias, const E *beside,
                 E *y, int channels, int relu, int count) {
    int i = INDEX;
    float value;
    if (i >= count) return;
    value = normalised(get(x[i]), line, weight, bias, i % channels, channels);
    if (beside) value += get(beside[i]);
    y[i] = put(relu && value < 0.0f ? 0.0f : value);
}

/* Sums of dy, and of dy times the distance of x from its mean, as two rows. What ReLU has cut off does not
   count: with `relu` it is found out from x; where y is given, from y, and taken out of dy. */
KERNEL norm_sums(const E *x, E *dy, const E *y, const float *line, const float *weight, const float *bias,
                 float *parts, int channels, int relu, int rows, int each, int count) {
    int i = INDEX, c, row, end, at;
    float total = 0.0f, along = 0.0f, value, d;
    if (i >= count) return;
    c = i % channels;
    row = i / channels * each;
    end = smaller(row + each, rows);
    for (; row < end; row++) {
        at = row * channels + c;
        value = get(x[at]);
        d = get(dy[at]);
        if (y) {
            if (!(get(y[at]) > 0.0f)) {
                d = 0.0f;
                dy[at] = put(0.0f);
            }
        } else if (relu && !(normalised(value, line, weight, bias, c, channels) > 0.0f)) {
            d = 0.0f;
        }
        total += d;
        along += (value - line[c]) * d;
    }
    parts[i / channels * 2 * channels + c] = total;
    parts[(i / channels * 2 + 1) * channels + c] = along;
}

/* The gradients of weight and bias, and for norm_backward a row of shifts and one of slopes: zero where the
   statistics are not the batch's. */
KERNEL norm_slopes(const float *parts, const float *line, float *dweight, float *dbias, float *slopes,
                   int many, int channels, int rows, int of_batch, int add, int count) {
    int i = INDEX, part;
    float total = 0.0f, along = 0.0f, inverse;
    if (i >= count) return;
    for (part = 0; part < many; part++) {
        total += parts[part * 2 * channels + i];
        along += parts[(part * 2 + 1) * channels + i];
    }
    inverse = line[channels + i];
    along *= inverse;
    dbias[i] = add ? dbias[i] + total : total;
    dweight[i] = add ? dweight[i] + along : along;
    slopes[i] = of_batch ? total / (float)rows : 0.0f;
    slopes[channels + i] = of_batch ? along / (float)rows * inverse : 0.0f;
}

/* The gradient of x; what ReLU has cut off is found out from x with `relu`. */
KERNEL norm_backward(const E *x, const E *dy, const float *line, const float *weight, const float *bias,
                     const float *slopes, E *dx, int channels, int relu, int add, int count) {
    int i = INDEX, c;
    float value, d;
    if (i >= count) return;
    c = i % channels;
    value = get(x[i]);
    d = get(dy[i]);
    if (relu && !(normalised(value, line, weight, bias, c, channels) > 0.0f)) d = 0.0f;
    d = d - slopes[c] - (value - line[c]) * slopes[channels + c];
    store(dx, i, weight[c] * line[channels + c] * d, add);
}
