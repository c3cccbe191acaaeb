-- The shape of the employees sample: keys over a foreign key, a name and a date, a parent with a CHAR key and a unique
-- name, histories that end on 9999-01-01, and everything of an employee that goes with him.

-- tables
CREATE TABLE employees (
  emp_no INT NOT NULL PRIMARY KEY,
  birth_date DATE NOT NULL,
  first_name VARCHAR(14) NOT NULL,
  last_name VARCHAR(16) NOT NULL,
  gender ENUM('M','F') NOT NULL,
  hire_date DATE NOT NULL
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE departments (
  dept_no CHAR(4) NOT NULL PRIMARY KEY,
  dept_name VARCHAR(40) NOT NULL,
  UNIQUE KEY (dept_name)
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE dept_manager (
  emp_no INT NOT NULL,
  dept_no CHAR(4) NOT NULL,
  from_date DATE NOT NULL,
  to_date DATE NOT NULL,
  PRIMARY KEY (emp_no, dept_no),
  FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE,
  FOREIGN KEY (dept_no) REFERENCES departments (dept_no) ON DELETE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE dept_emp (
  emp_no INT NOT NULL,
  dept_no CHAR(4) NOT NULL,
  from_date DATE NOT NULL,
  to_date DATE NOT NULL,
  PRIMARY KEY (emp_no, dept_no),
  FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE,
  FOREIGN KEY (dept_no) REFERENCES departments (dept_no) ON DELETE CASCADE ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE titles (
  emp_no INT NOT NULL,
  title VARCHAR(50) NOT NULL,
  from_date DATE NOT NULL,
  to_date DATE,
  PRIMARY KEY (emp_no, title, from_date),
  FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE salaries (
  emp_no INT NOT NULL,
  salary INT NOT NULL,
  from_date DATE NOT NULL,
  to_date DATE NOT NULL,
  PRIMARY KEY (emp_no, from_date),
  FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE
) DEFAULT CHARSET=utf8mb4;

-- rows
INSERT INTO departments VALUES ('d001', 'Marketing'), ('d002', 'Finance'), ('d003', 'Human Resources'), ('d004', 'Production'), ('d005', 'Development');
INSERT INTO employees SELECT 10000 + i, '1952-01-01' + INTERVAL i DAY, CONCAT('First', i), CONCAT('Last', i), 1 + i % 2, '1985-01-01' + INTERVAL i DAY FROM {700};
INSERT INTO dept_emp SELECT 10000 + i, CONCAT('d00', 1 + i % 5), '1990-01-01', '9999-01-01' FROM {700};
INSERT INTO dept_manager SELECT 10000 + i, CONCAT('d00', i), '1991-01-01', '9999-01-01' FROM {5};
INSERT INTO titles SELECT 10001 + i % 700, ELT(1 + i DIV 700, 'Engineer', 'Senior Engineer'), '1990-01-01' + INTERVAL i DAY, IF(i < 700, '1995-01-01', '9999-01-01') FROM {1300};
INSERT INTO salaries SELECT 10001 + i % 700, 40000 + i * 13, '1986-06-26' + INTERVAL i DIV 700 YEAR, IF(i DIV 700 = 3, '9999-01-01', '1990-01-01') FROM {2799};

-- at one site
BEGIN;
UPDATE salaries SET to_date = '2002-06-26' WHERE to_date = '9999-01-01' AND emp_no < 10300;
INSERT INTO salaries SELECT emp_no, salary + 1000, '2002-06-26', '9999-01-01' FROM salaries WHERE to_date = '2002-06-26';
COMMIT;
DELETE FROM employees WHERE emp_no BETWEEN 10100 AND 10129;
UPDATE titles SET title = 'Staff', from_date = from_date + INTERVAL 1 DAY WHERE title = 'Engineer' AND emp_no % 10 = 7;
BEGIN;
INSERT INTO departments VALUES ('d009', 'Customer Service');
UPDATE dept_emp SET dept_no = 'd009' WHERE dept_no = 'd002';
UPDATE dept_manager SET dept_no = 'd009' WHERE dept_no = 'd002';
DELETE FROM departments WHERE dept_no = 'd002';
COMMIT;
BEGIN;
UPDATE departments SET dept_name = '-' WHERE dept_no = 'd003';
UPDATE departments SET dept_name = 'Human Resources' WHERE dept_no = 'd004';
UPDATE departments SET dept_name = 'Production' WHERE dept_no = 'd003';
COMMIT;

-- at the other
INSERT INTO employees SELECT 20000 + i, '1970-01-01', 'New', CONCAT('N', i), 'F', '2001-01-01' FROM {200};
INSERT INTO titles SELECT 20000 + i, 'Engineer', '2001-01-01', NULL FROM {200};
INSERT INTO salaries SELECT 20000 + i, 50000, '2001-01-01', '9999-01-01' FROM {200};
INSERT INTO dept_emp SELECT 20000 + i, 'd005', '2001-01-01', '9999-01-01' FROM {200};
UPDATE employees SET last_name = 'Married' WHERE emp_no BETWEEN 10400 AND 10450;
