//! How two segmentations of a song agree, by their boundaries alone.

/// The directional Hamming distance of `others` to `segments`: which share of the time of `segments`
/// lies outside the longest piece that the boundaries of `others` leave of each. From 0, where no
/// segment is cut. Both are pairs of start and end, in order; 0 if there are no segments.
pub(super) fn fragmentation(segments: &[(f64, f64)], others: &[(f64, f64)]) -> f64 {
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return 0.0 };
    let mut boundaries: Vec<f64> = others.iter().flat_map(|&(start, end)| [start, end]).collect();
    boundaries.sort_by(f64::total_cmp);
    let mut outside = 0.0;
    for &(start, end) in segments {
        let (mut longest, mut before) = (0.0_f64, start);
        let from = boundaries.partition_point(|&boundary| boundary < start);
        let cuts = boundaries.iter().skip(from).copied().take_while(|&boundary| boundary < end);
        for cut in cuts.chain([end]) {
            longest = longest.max(cut - before);
            before = cut;
        }
        outside += end - start - longest;
    }
    outside / (last.1 - first.0)
}
