"""Faces in a picture: where they are, which way they look, and their landmarks.

Two networks (`appliance.pipeline.face_models`) do the work, run by OpenCV's DNN module on the CPU:

BlazeFace short-range. Input 1x3x128x128 RGB in -1..1, letterboxed. Output 896 boxes, two for each cell of a 16x16
grid and six for each of an 8x8 grid; the anchor is the cell's centre and has the size of the input. A row of the
regressor is x, y, w, h and six points, in input pixels relative to the anchor (MediaPipe's
`face_detection_short_range` graph: SsdAnchorsCalculator with strides 8, 16, 16, 16, fixed anchor size;
TensorsToDetectionsCalculator with scale 128, reversed order; weighted non-maximum suppression at IoU 0.3). It sees
faces that span about a fifth to four fifths of its input, so a picture is searched whole, with a margin, and then in
ever smaller tiles.

Face mesh. Input 1x3x192x192 RGB in 0..1: a square cut along the eye line, 1.5 times the face's longer side. Output
468 points x, y, z in input pixels, z growing away from the camera, and the logit of there being a face.

Coordinates are pixels of the given picture with centres at .5; angles are degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline import face_models, landmarks
from appliance.pipeline.face_views import Box, Pyramid, Roi, cut, search_plan, square
from appliance.pipeline.images import Picture
from appliance.pipeline.progress import Job

Floats = NDArray[np.float32]

_DETECTOR_SIDE: Final = 128
_MESH_SIDE: Final = 192
_MIN_BOX_SCORE: Final = 0.5
_MIN_FACE_SCORE: Final = 0.8
"""To begin with a face: fur and foliage reach 0.7, faces 0.95."""
_MIN_TRACK_SCORE: Final = 0.5
"""To go on with it."""
_MAX_OVERLAP: Final = 0.3
_ROI_SCALE: Final = 1.5
_RIGHT_EYE, _LEFT_EYE = 33, 263
"""Outer eye corners of the mesh."""
_YAW_GAIN: Final = 1.3
"""The mesh is too shallow: pictures of a head turned by 15, 30, 45 and 60° read 12, 22, 33 and 39° without it."""
_JITTER: Final = ((0.0, 1.0, 0.0), (0.0, 0.94, 0.03), (0.0, 1.06, -0.03), (4.0, 1.0, 0.0), (-4.0, 1.0, 0.0))
"""Degrees, scale and shift of the cuts whose meshes are averaged where quality counts more than time."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face. `score` is the mesh network's belief, 0..1.

    `yaw` grows as the nose turns to the picture's right, `pitch` as it lifts, `roll` as the head leans clockwise.
    """

    points: landmarks.Points
    box: Box
    score: float
    yaw: float
    pitch: float
    roll: float

    @property
    def size(self) -> float:
        """Longer side of the box: forehead to chin, which a turn of the head does not shorten."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def roi(self) -> Roi:
        """Where the mesh network should look to see this face again."""
        right_eye = landmarks.group(self.points, "right_eye_upper")[0]
        left_eye = landmarks.group(self.points, "left_eye_upper")[-1]
        return _roi(self.box, right_eye, left_eye)


class FaceDetector:
    """Both networks, loaded once. Not thread-safe: one per thread. A long search ends when the job is called off."""

    def __init__(self, job: Job | None = None) -> None:
        self._job = job or Job()
        self._detector = _network(face_models.DETECTOR)
        self._mesh = _network(face_models.MESH)
        self._anchors = _anchors()

    def find(self, picture: Picture) -> list[Face]:
        """Every face that can be told from its surroundings, from left to right.

        The search goes from large faces to small ones and stops one step below the first success, so faces much
        smaller than the largest are not reported.
        """
        height, width = picture.shape[:2]
        pyramid = Pyramid(picture)
        faces: list[Face] = []
        found_at = None
        for level, regions in enumerate(search_plan(width, height)):
            for region in regions:
                self._job.check()
                faces += self._faces_in(picture, pyramid, region)
            if faces and found_at is None:
                found_at = level
            if found_at is not None and level > found_at:
                break
        return sorted(_distinct(faces), key=lambda face: face.box[0] + face.box[2])

    def find_near(self, picture: Picture, last: Face | None) -> Face | None:
        """A quick look at the whole picture and around where a face was: two or three passes of the detector."""
        height, width = picture.shape[:2]
        regions = [square(width / 2, height / 2, max(width, height))]
        if last is not None:
            x0, y0, x1, y1 = last.box
            regions.append(square((x0 + x1) / 2, (y0 + y1) / 2, 3 * max(x1 - x0, y1 - y0)))
        pyramid = Pyramid(picture)
        faces = _distinct([face for region in regions for face in self._faces_in(picture, pyramid, region)])
        if last is None:
            return max(faces, key=lambda face: face.size, default=None)
        return min(faces, key=lambda face: _distance(face, last), default=None)

    def follow(self, picture: Picture, previous: Face) -> Face | None:
        """The face a frame later, from where it was; None when it is not there any more."""
        return self._mesh_at(picture, previous.roi(), _MIN_TRACK_SCORE)

    def refined(self, picture: Picture, face: Face) -> Face:
        """The same face measured with care: several cuts, averaged."""
        roi = face.roi()
        meshes, scores = [], []
        for degrees, scale, shift in _JITTER:
            jittered = Roi(
                roi.x + shift * roi.side, roi.y + shift * roi.side, roi.side * scale, roi.angle + math.radians(degrees)
            )
            mesh, score = self._run_mesh(picture, jittered)
            meshes.append(mesh)
            scores.append(score)
        return _face(np.mean(meshes, axis=0, dtype=np.float32), float(np.mean(scores)))

    def is_upside_down(self, picture: Picture, face: Face) -> bool:
        """Whether the mesh stands on its head: it fits itself to a face either way up, the detector does not."""
        roi = face.roi()
        views = (
            cut(picture, Roi(roi.x, roi.y, 2 * roi.side, roi.angle + turn), _DETECTOR_SIDE) for turn in (0, math.pi)
        )
        upright, opposite = (float(self._run_detector(view)[0].max()) for view in views)
        return opposite > upright

    def _faces_in(self, picture: Picture, pyramid: Pyramid, region: Box) -> list[Face]:
        faces = []
        for box, right_eye, left_eye in self._detect(pyramid, region):
            face = self._mesh_at(picture, _roi(box, right_eye, left_eye), _MIN_TRACK_SCORE)
            # A second pass from the mesh's own points: the detector's box is only a hint.
            if face is not None and (face := self._mesh_at(picture, face.roi(), _MIN_FACE_SCORE)) is not None:
                faces.append(face)
        return faces

    def _detect(self, pyramid: Pyramid, region: Box) -> list[tuple[Box, Floats, Floats]]:
        """Boxes and eye positions, in picture pixels, that the detector sees in one square region."""
        scores, rows = self._run_detector(pyramid.letterboxed(region, _DETECTOR_SIDE))
        keep = scores >= _MIN_BOX_SCORE
        scores, rows = scores[keep], rows[keep]
        centres = self._anchors[keep]
        pairs = rows.reshape(len(rows), 8, 2) / _DETECTOR_SIDE
        middle, size, points = pairs[:, 0] + centres, pairs[:, 1], pairs[:, 2:] + centres[:, None]
        boxes = np.concatenate([middle - size / 2, middle + size / 2], axis=1)
        scale, origin = region[2] - region[0], np.array(region[:2], np.float32)
        found = []
        for group in _clusters(boxes, scores):
            weights = scores[group] / scores[group].sum()
            x0, y0, x1, y1 = (weights @ boxes[group] * scale + np.tile(origin, 2)).tolist()
            eyes = np.tensordot(weights, points[group], axes=1).astype(np.float32) * scale + origin
            found.append(((x0, y0, x1, y1), eyes[0], eyes[1]))
        return found

    def _mesh_at(self, picture: Picture, roi: Roi, min_score: float) -> Face | None:
        mesh, score = self._run_mesh(picture, roi)
        return _face(mesh, score) if score >= min_score else None

    def _run_detector(self, view: Picture) -> tuple[Floats, Floats]:
        """Scores [896] and regressor rows [896, 16] of the detector's input."""
        self._detector.setInput(cv2.dnn.blobFromImage(view, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True))
        logits, rows = self._detector.forward(["classificators", "regressors"])
        return _sigmoid(logits.reshape(-1)), rows.reshape(-1, 16).astype(np.float32)

    def _run_mesh(self, picture: Picture, roi: Roi) -> tuple[Floats, float]:
        """The mesh [468, 3] in picture pixels (z in the same unit), and its score."""
        to_picture = roi.to_picture(_MESH_SIDE)
        self._mesh.setInput(cv2.dnn.blobFromImage(cut(picture, roi, _MESH_SIDE), 1 / 255, swapRB=True))
        values, logit = self._mesh.forward(["conv2d_21", "conv2d_31"])
        raw = values.reshape(-1, 3).astype(np.float32)
        mesh = np.empty_like(raw)
        mesh[:, :2] = raw[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
        mesh[:, 2] = raw[:, 2] * (roi.side / _MESH_SIDE)
        return mesh, float(_sigmoid(logit.reshape(-1))[0])


def _network(model: face_models.ModelFile) -> cv2.dnn.Net:
    return cv2.dnn.readNetFromTFLite(np.frombuffer(face_models.read(model), np.uint8))


def _anchors() -> Floats:
    """Centres [896, 2] of the detector's cells, 0..1 of its input."""
    layers = []
    for cells, per_cell in ((16, 2), (8, 6)):
        y, x = np.mgrid[0:cells, 0:cells]
        layers.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1) + 0.5, per_cell, axis=0) / cells)
    return np.concatenate(layers).astype(np.float32)


def _sigmoid(logits: NDArray[np.generic]) -> Floats:
    return (1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -80, 80)))).astype(np.float32)


def _roi(box: Box, right_eye: Floats, left_eye: Floats) -> Roi:
    """The mesh network's square for a face box, laid along the eye line."""
    across = left_eye - right_eye
    angle = math.atan2(float(across[1]), float(across[0]))
    x0, y0, x1, y1 = box
    return Roi((x0 + x1) / 2, (y0 + y1) / 2, _ROI_SCALE * max(x1 - x0, y1 - y0), angle)


def _face(mesh: Floats, score: float) -> Face:
    x0, y0 = mesh[:, :2].min(axis=0).tolist()
    x1, y1 = mesh[:, :2].max(axis=0).tolist()
    across = mesh[_LEFT_EYE] - mesh[_RIGHT_EYE]
    roll = math.atan2(float(across[1]), float(across[0]))
    cos, sin = math.cos(roll), math.sin(roll)
    upright = mesh @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32)
    nose = upright[1] - (upright[234] + upright[454]) / 2
    top_to_chin = upright[152] - upright[10]
    yaw = _YAW_GAIN * math.atan2(float(nose[0]), -float(nose[2]))
    pitch = math.atan2(-float(top_to_chin[2]), float(top_to_chin[1]))
    return Face(
        landmarks.from_mesh(mesh), (x0, y0, x1, y1), score, math.degrees(yaw), math.degrees(pitch), math.degrees(roll)
    )


def _overlap(one: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.floating]:
    """Intersection over union of a box [4] with boxes [n, 4]."""
    corner0, corner1 = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:], others[:, 2:])
    shared = np.clip(corner1 - corner0, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(shared / ((one[2:] - one[:2]).prod() + areas - shared))


def _clusters(boxes: Floats, scores: Floats) -> list[NDArray[np.intp]]:
    """Indices of boxes that mean the same face, best face first."""
    left = np.argsort(-scores)
    groups = []
    while len(left):
        same = _overlap(boxes[left[0]], boxes[left]) > _MAX_OVERLAP
        groups.append(left[same])
        left = left[~same]
    return groups


def _distinct(faces: list[Face]) -> list[Face]:
    """One face, the best, of each cluster."""
    if not faces:
        return []
    boxes = np.array([face.box for face in faces], np.float32)
    scores = np.array([face.score for face in faces], np.float32)
    return [faces[group[0]] for group in _clusters(boxes, scores)]


def _distance(one: Face, other: Face) -> float:
    """How far apart two faces are, corner by corner."""
    return float(np.abs(np.subtract(one.box, other.box)).sum())
