/* Images as they are altered on their way into a network. */

/* One number of [n][c][rows][columns] a thread: the colour that stood there, or black, from `table` [c][256]. An
   image begins at offsets[n] of `bytes`, [c][h][w] bytes. An alteration is eight numbers, `Affine` in data:
   from the middle of a pixel it says where the colour was before it, and how many rows and columns there were; the
   last alteration is looked up first. Where a place is, is computed in double, as on the CPU. */
KERNEL pictures(const unsigned char *bytes, const unsigned long long *offsets, const double *affines,
                const float *table, float *x, int alterations, int channels, int h, int w, int rows, int columns,
                int count) {
    int i = INDEX, k, n, c, row, column, high = rows, wide = columns, inside = 1;
    if (i >= count) return;
    column = i % columns;
    row = i / columns % rows;
    c = i / columns / rows % channels;
    n = i / columns / rows / channels;
    for (k = alterations - 1; k >= 0 && inside; k--) {
        const double *m = affines + (n * alterations + k) * 8;
        double down = row + 0.5 - high / 2.0, right = column + 0.5 - wide / 2.0;
        double to_y = floor(m[0] * right + m[1] * down + m[2]), to_x = floor(m[3] * right + m[4] * down + m[5]);
        inside = to_y >= 0 && to_y < m[6] && to_x >= 0 && to_x < m[7];
        high = (int)m[6];
        wide = (int)m[7];
        row = inside ? (int)to_y : 0;
        column = inside ? (int)to_x : 0;
    }
    x[i] = table[c * 256 + (inside ? bytes[offsets[n] + ((unsigned long long)c * h + row) * w + column] : 0)];
}
